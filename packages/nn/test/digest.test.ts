import { CheckpointError } from "@fromnoise/tensor";
import { expect } from "chai";
import { sha256 } from "../src/formats/digest.js";
import { encodeSafetensors, readSafetensorsHeader, readSafetensorsTensor, tensorDigest } from "../src/formats/safetensors.js";

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then((value) => value, (error: unknown) => error);

describe("the digest of a tensor", () => {
  const tensor = { shape: [3], data: Float32Array.of(1, -2, 0.5) };

  it("is SHA-256, as its standard's examples say", async () => {
    expect(await sha256(new TextEncoder().encode("abc")))
      .to.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(await sha256(new Uint8Array()))
      .to.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  it("is of the bytes that a file holds, in its dtype, of a part of a buffer and of shared memory too", async () => {
    const wide = { shape: [3], data: Float64Array.from(tensor.data) };
    const digest = await tensorDigest(tensor);
    expect(digest).to.equal(await sha256(new Uint8Array(tensor.data.buffer)));
    expect(await tensorDigest(wide)).not.to.equal(digest);
    expect(await tensorDigest(wide, { dtype: "F32" })).to.equal(digest);
    expect(await tensorDigest({ shape: [3], data: Float32Array.of(9, 1, -2, 0.5, 9).subarray(1, 4) })).to.equal(digest);
    const shared = new Float32Array(new SharedArrayBuffer(12));
    shared.set(tensor.data);
    expect(await tensorDigest({ shape: [3], data: shared })).to.equal(digest);
  });

  it("is compared when the tensor is read, by what the file holds", async () => {
    const bytes = new Uint8Array(Buffer.concat([...encodeSafetensors([["a", tensor]])]));
    const header = await readSafetensorsHeader(bytes);
    const digest = await tensorDigest(tensor);
    expect((await readSafetensorsTensor(bytes, header, "a", "FILE", digest)).data).to.deep.equal(tensor.data);
    bytes[bytes.length - 1] ^= 1;
    const error = await failure(readSafetensorsTensor(bytes, header, "a", "FILE", digest)) as CheckpointError;
    expect(error).to.be.instanceOf(CheckpointError);
    expect(error.summary).to.equal('FILE: tensor "a" is damaged: its bytes are not those that were saved');
    expect(error.details[0]).to.equal(`saved    SHA-256 ${digest}`);
  });

  it("says what a page without WebCrypto needs", async () => {
    const crypto = Object.getOwnPropertyDescriptor(globalThis, "crypto")!;
    for (const value of [undefined, {}]) {
      Object.defineProperty(globalThis, "crypto", { value, configurable: true });
      const error = await failure(tensorDigest(tensor)) as CheckpointError;
      Object.defineProperty(globalThis, "crypto", crypto);
      expect(error).to.be.instanceOf(CheckpointError);
      expect(error.message).to.match(/^there is no SHA-256 here.*\n {2}needed {3}a secure context: https, or localhost$/);
    }
  });
});
