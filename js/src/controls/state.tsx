import { Push } from "../components/push";
import { RichText } from "../components/rich";
import type { Store } from "../store";
import { announcement, GONE, LOST, plain, QUIET, stateLine } from "../words";

/** What is said of the way to the kernel, to those who do not see the message. */
const LINKS: Record<string, string> = { gone: GONE, quiet: QUIET, lost: LOST, saved: "" };

/** What the run is doing, said in words, and the one button that fits. */
export function StateAndStop({ store, once, tail = "" }: { store: Store; once?: boolean; tail?: string }) {
  const status = store.status.value;
  const state = status?.state;
  const said = stateLine(status, store.picture.value, store.link.value);
  return (
    <>
      <span class="q jx-state" title={`${plain(said)}${tail}`}>
        <RichText rich={said} />
        {tail}
      </span>
      <span class="vh" role="status">
        {LINKS[store.link.value] ?? announcement(status)}
      </span>
      {store.reachable.value && <Action store={store} state={state ?? "idle"} once={once} />}
    </>
  );
}

/** Stop, and Continue in its place. */
export function Action({ store, state, once }: { store: Store; state: string; once?: boolean | undefined }) {
  const asked = store.asked.value;
  if (state === "running") {
    return (
      <button type="button" class="btn" title="Esc" onClick={() => store.send("stop")}>
        {asked === "stop" ? "Stopping\u2026" : "Stop"}
      </button>
    );
  }
  if (state !== "stopped" || once) return null;
  return (
    <Push able={asked !== "resume"} act={() => store.send("resume")}>
      Continue
    </Push>
  );
}

/** Narrower intervals for those who wait: doubles the samples of a finished run. */
export function MoreSamples({ store }: { store: Store }) {
  const state = store.status.value?.state;
  if (!store.reachable.value || (state !== "settled" && state !== "capped")) return null;
  return (
    <Push able={store.asked.value !== "more"} act={() => store.send("more")}>
      More samples
    </Push>
  );
}

/** The line at the top edge. */
export function Progress({ store }: { store: Store }) {
  const status = store.status.value;
  if (status?.state !== "running" || !store.reachable.value) return null;
  const share = status.total ? Math.max(0.01, Math.min(1, status.rows / status.total)) : 0.01;
  return <i class="jx-prog" style={{ width: `${100 * share}%` }} aria-hidden="true" />;
}
