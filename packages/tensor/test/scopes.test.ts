/** Scopes as a machine of states: random programs of nested scopes, run beside a model of which tensors are alive and whose they are. */
import { expect } from "chai";
import fc from "fast-check";
import { add, Device, reshape, zeros, type Tensor } from "../src/index.js";
import { holds } from "./properties.js";
import { openStrict } from "./strict-backend.js";

/** Numbers choose among the tensors made so far, dead ones too. */
type Action =
  | { readonly kind: "make" }
  | { readonly kind: "throw" }
  | { readonly kind: "add" | "view" | "dispose" | "keep"; readonly of: number }
  | { readonly kind: "scope"; readonly actions: readonly Action[]; readonly gives: readonly number[] };

const { action } = fc.letrec<{ action: Action }>((tie) => ({
  action: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 3, arbitrary: fc.constant<Action>({ kind: "make" }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("add" as const, "view" as const, "dispose" as const, "keep" as const), of: fc.nat(1000) }) },
    { weight: 1, arbitrary: fc.constant<Action>({ kind: "throw" }) },
    { weight: 5, arbitrary: fc.record({
      kind: fc.constant("scope" as const), actions: fc.array(tie("action"), { maxLength: 8 }), gives: fc.array(fc.nat(1000), { maxLength: 3 }),
    }) },
  ),
}));

/** A scope of the model: the one around it, none for the outermost. */
interface Room { readonly parent: Room | undefined }

/** A tensor of the model: alive where `room` is one, in that scope or, kept or made outside of all, in none. */
interface Known { readonly tensor: Tensor; readonly storage: number; room: Room | "none" | "gone" }

class Failure extends Error {}

/** Runs a program on a device and in the model at once, comparing after every action. */
class Run {
  private readonly backend = openStrict();
  private readonly device = Device.over("strict", this.backend);
  private readonly known: Known[] = [];
  private room: Room | undefined;
  private storages = 0;

  private check(): void {
    const alive = this.known.filter(({ room }) => room !== "gone"), storages = new Set(alive.map(({ storage }) => storage)).size;
    for (const { tensor, room } of this.known) expect(tensor.disposed).to.equal(room === "gone");
    expect(this.device.memory()).to.include({ tensors: alive.length, bytes: 16 * storages });
    expect(this.backend.live()).to.equal(storages);
  }

  private learn(tensor: Tensor, storage = this.storages++): void {
    this.known.push({ tensor, storage, room: this.room ?? "none" });
  }

  private do(one: Action): void {
    if (one.kind === "throw") throw new Failure();
    if (one.kind === "make") this.learn(zeros([4], { device: this.device }));
    else if (one.kind === "scope") this.scope(one.actions, one.gives);
    else if (this.known.length > 0) {
      const found = this.known[one.of % this.known.length];
      if (one.kind === "dispose") {
        found.tensor.dispose();                                    // of a dead one: without effect
        found.room = "gone";
      } else if (found.room === "gone") {
        const use = { add: () => add(found.tensor, 1), view: () => reshape(found.tensor, [2, 2]), keep: () => this.device.keep(found.tensor) }[one.kind];
        expect(use).to.throw("the tensor was disposed");
      } else if (one.kind === "add") this.learn(add(found.tensor, 1));
      else if (one.kind === "view") this.learn(reshape(found.tensor, [2, 2]), found.storage);
      else {
        this.device.keep(found.tensor);
        found.room = "none";
      }
    }
    this.check();
  }

  private scope(actions: readonly Action[], gives: readonly number[]): void {
    const outer = this.room, own: Room = { parent: outer };
    let given: Known[] = [];
    try {
      this.device.scope(() => {
        this.room = own;
        for (const one of actions) this.do(one);
        given = this.known.length === 0 ? [] : gives.map((i) => this.known[i % this.known.length]);
        return new Map([["given", given.map(({ tensor }) => tensor)]]);
      });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      given = [];                                                  // a scope that fails hands on nothing
    } finally {
      this.room = outer;
    }
    for (const one of this.known) if (one.room === own) one.room = given.includes(one) ? outer ?? "none" : "gone";
  }

  all(actions: readonly Action[]): void {
    this.scope(actions, []);
    this.check();
    for (const { tensor } of this.known) tensor.dispose();
    expect(this.device.memory()).to.include({ tensors: 0, bytes: 0 });
    expect(this.backend.live()).to.equal(0);
  }
}

describe("scopes, as a machine of states", () => {
  it("free each storage once, when its last tensor goes, and nothing that is still somebody's", () =>
    holds(fc.property(fc.array(action, { maxLength: 20 }), (actions) => new Run().all(actions)), 300));
});
