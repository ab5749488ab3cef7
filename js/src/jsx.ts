/** What the bundler puts in the place of JSX; see build.mjs. */
export { Fragment, h } from "preact";
