/** Weights [taps, cin, cout] and the same turned by 180 degrees with channels exchanged, [taps, cout, cin]. */
@unmanaged
class Mirror {
  weights: usize;
  mirrored: usize;
  taps: i32;
  cin: i32;
  cout: i32;
}

/** mirrored[taps - 1 - t, co, ci] = weights[t, ci, co]. A unit is a tap. */
export function mirrorWeights(args: Mirror, from: i32, to: i32, _workspace: usize): void {
  const cin = args.cin, cout = args.cout;
  for (let tap = from; tap < to; tap++) {
    let y = args.mirrored + (<usize>((args.taps - 1 - tap) * cin * cout) << 2);
    for (let co = 0; co < cout; co++) {
      let x = args.weights + (<usize>(tap * cin * cout + co) << 2);
      for (let ci = 0; ci < cin; ci++, x += <usize>cout << 2, y += 4) f32.store(y, f32.load(x));
    }
  }
}
