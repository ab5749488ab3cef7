import { RichText } from "../components/rich";
import type { Store } from "../store";
import { announcement, stateLine } from "../words";

/** What the run is doing, said in words, and the one button that fits. */
export function StateAndStop({ store }: { store: Store }) {
  const status = store.status.value;
  const state = status?.state;
  return (
    <>
      <span class="q jx-state">
        <RichText rich={stateLine(status, store.picture.value, store.link.value)} />
      </span>
      <span class="vh" role="status">
        {store.reachable.value ? announcement(status) : ""}
      </span>
      {store.reachable.value && <Action store={store} state={state ?? "idle"} />}
    </>
  );
}

function Action({ store, state }: { store: Store; state: string }) {
  const asked = store.asked.value;
  if (state === "running") {
    return (
      <button type="button" class="btn" title="Esc" onClick={() => store.send("stop")}>
        {asked === "stop" ? "Stopping…" : "Stop"}
      </button>
    );
  }
  const [type, words] = state === "stopped" ? (["resume", "Continue"] as const) : (["more", "More samples"] as const);
  if (state !== "stopped" && state !== "settled" && state !== "capped") return null;
  return (
    <button type="button" class="btn" disabled={asked === type} onClick={() => store.send(type)}>
      {words}
    </button>
  );
}

/** The line at the top edge. */
export function Progress({ store }: { store: Store }) {
  const status = store.status.value;
  if (status?.state !== "running" || !store.reachable.value) return null;
  const share = status.total ? Math.max(0.01, Math.min(1, status.rows / status.total)) : 0.01;
  return <i class="jx-prog" style={{ width: `${100 * share}%` }} aria-hidden="true" />;
}
