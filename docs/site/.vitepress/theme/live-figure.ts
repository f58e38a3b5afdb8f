/** `<Figure name="NAME" />`: loads figures/NAME.ts when the reader comes near it, and mounts it. */
import { defineComponent, h, onBeforeUnmount, onMounted, ref } from "vue";
import type { Figure, Mount } from "../../figures/figure.js";

const modules = import.meta.glob<{ mount: Mount<Record<string, unknown>> }>(["../../figures/*.ts", "!../../figures/figure.ts"]);

declare global {
  interface Window {
    /** The figures of the page by name, for tests. */
    figures?: Record<string, Figure<Record<string, unknown>>>;
  }
}

export const LiveFigure = defineComponent({
  name: "LiveFigure",
  props: { name: { type: String, required: true }, state: { type: Object, default: undefined } },
  setup(props) {
    const place = ref<HTMLElement>();
    const failed = ref("");
    let figure: Figure<Record<string, unknown>> | undefined;
    let near: IntersectionObserver | undefined;
    let gone = false;

    const show = async (): Promise<void> => {
      const load = modules[`../../figures/${props.name}.ts`];
      if (load === undefined) throw new Error(`there is no figure ${props.name}`);
      const { mount } = await load();
      if (gone) return;
      figure = mount(place.value!, props.state);
      (window.figures ??= {})[props.name] = figure;
    };
    onMounted(() => {
      near = new IntersectionObserver((entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        near?.disconnect();
        show().catch((error: unknown) => {
          failed.value = (error as Error).message;
          console.error(error);
        });
      }, { rootMargin: "200px" });
      near.observe(place.value!);
    });
    onBeforeUnmount(() => {
      gone = true;
      near?.disconnect();
      figure?.dispose();
      if (window.figures?.[props.name] === figure) delete window.figures?.[props.name];
    });
    return () => h("div", { class: "figure" }, [
      h("div", { ref: place, "class": "figure-body", "data-figure": props.name }),
      failed.value === "" ? undefined : h("p", { class: "figure-error", role: "alert" }, `This figure does not run: ${failed.value}`),
    ]);
  },
});
