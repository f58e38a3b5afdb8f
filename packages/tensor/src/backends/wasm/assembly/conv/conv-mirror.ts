/** Weights [taps, cin, cout] and the same turned by 180 degrees with channels exchanged, [taps, cout, cin]. */
@unmanaged
export class Mirror {
  weights: usize;
  mirrored: usize;
  taps: i32;
  cin: i32;
  cout: i32;
}

/** Chunks of `mirrorWeights`: one, as the weights with few channels are small. */
export function mirrorWeightsChunks(_args: Mirror): i32 {
  return 1;
}

/** mirrored[taps - 1 - t, co, ci] = weights[t, ci, co]. */
export function mirrorWeights(args: Mirror, _from: i32, _to: i32, _workspace: usize): void {
  const cin = args.cin, cout = args.cout;
  for (let tap = 0; tap < args.taps; tap++) {
    let y = args.mirrored + (<usize>((args.taps - 1 - tap) * cin * cout) << 2);
    for (let co = 0; co < cout; co++) {
      let x = args.weights + (<usize>(tap * cin * cout + co) << 2);
      for (let ci = 0; ci < cin; ci++, x += <usize>cout << 2, y += 4) f32.store(y, f32.load(x));
    }
  }
}
