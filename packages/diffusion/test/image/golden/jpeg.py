"""Writes jpeg.json: small JPEGs of several kinds, and their pixels by libjpeg-turbo (Pillow). Run: python3 jpeg.py > jpeg.json"""
import base64, io, json, math
from PIL import Image

W, H = 45, 35
picture = Image.new("RGB", (W, H))
for y in range(H):
    for x in range(W):
        stripe = (x // 7 + y // 7) % 3 == 0
        picture.putpixel((x, y), (
            int(127 + 120 * math.sin(0.15 * x + 0.06 * y)), int(127 + 120 * math.sin(0.063 * x - 0.21 * y + 1)),
            230 if stripe else int(127 + 120 * math.sin(0.04 * x * y))))
kinds = {
    "4:2:0": dict(quality=75), "4:2:2": dict(quality=85, subsampling=1), "4:4:4": dict(quality=95, subsampling=0),
    "progressive": dict(quality=80, progressive=True), "gray": dict(quality=80),
}
out = {}
for name, how in kinds.items():
    file = io.BytesIO()
    (picture.convert("L") if name == "gray" else picture).save(file, "JPEG", **how)
    pixels = Image.open(io.BytesIO(file.getvalue())).tobytes()
    out[name] = {"width": W, "height": H, "jpeg": base64.b64encode(file.getvalue()).decode(), "pixels": base64.b64encode(pixels).decode()}
print(json.dumps(out, indent=1))
