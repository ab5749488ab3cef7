/** The bundle of one explanation. */
import { h } from "preact";
import { App } from "./app";
import { moduleOf } from "./module";

const { initialize, render, mount } = moduleOf(({ store, root, onBroken }) => ({
  label: "Explanation of one prediction",
  view: h(App, { store, root, onBroken }),
}));

export { mount };
export default { initialize, render };
