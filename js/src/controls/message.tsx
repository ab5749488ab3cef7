import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { Fold } from "../components/fold";
import { counted, prediction } from "../format";
import { inputSettings } from "../params";
import type { ErrorInfo } from "../schema.gen";
import type { Store } from "../store";
import { GONE, inputWord, LOST, poorFit, QUIET } from "../words";

interface MessageProps {
  kind: "note" | "warn" | "error";
  children: ComponentChildren;
}

/** Words with a rule beside them. */
export function Message({ kind, children }: MessageProps) {
  return (
    <div class={`jx-msg ${kind}`} role={kind === "error" ? "alert" : "note"}>
      {children}
    </div>
  );
}

/** Everything that has to be said before the picture. */
export function Messages({ store }: { store: Store }) {
  const status = store.status.value;
  const link = store.link.value;
  return (
    <>
      {link === "gone" && (
        <Message kind="warn">
          <p>
            {GONE} <b>Run the cell</b> to change anything.
          </p>
        </Message>
      )}
      {(link === "quiet" || link === "lost") && (
        <Message kind="warn">
          <p>{link === "lost" ? LOST : `${QUIET} It may be busy; if it was restarted, run the cell again.`}</p>
        </Message>
      )}
      {status?.error && <Failure error={status.error} store={store} />}
      <Notices store={store} />
      <PoorFit store={store} />
      <AllZero store={store} />
    </>
  );
}

function Failure({ error, store }: { error: ErrorInfo; store: Store }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    const done = () => setCopied(true);
    navigator.clipboard?.writeText(error.traceback).then(done, () => setCopied(false));
  };
  return (
    <Message kind="error">
      <p>
        <b>{error.title}</b>
      </p>
      {(error.message || error.where) && (
        <pre>
          {error.message}
          {error.where && `\n  ${error.where}`}
        </pre>
      )}
      {error.hint && <p class="q m">{error.hint}</p>}
      <div class="bs">
        {store.reachable.value && (
          <button type="button" class="btn" onClick={() => store.send("retry")}>
            Try again
          </button>
        )}
        {error.traceback && (
          <button type="button" class="btn" onClick={copy}>
            {copied ? "Copied" : "Copy full traceback"}
          </button>
        )}
      </div>
      {error.traceback && (
        <Fold store={store} name="traceback" kept summary={<span class="q m">full traceback</span>}>
          <pre>{error.traceback}</pre>
        </Fold>
      )}
    </Message>
  );
}

/** What was noticed; how far curves reach stands beneath the picture, beside what they took. */
export function noticesOf(store: Store, ofCurves: boolean): string[] {
  const { estimate } = store.picture.value;
  return [...new Set([...(store.status.value?.notices ?? []), ...(estimate?.notices ?? [])])].filter(
    (notice) => (estimate !== null && /^(Response curves|The answer without)/.test(notice)) === ofCurves,
  );
}

function Notices({ store }: { store: Store }) {
  const notices = noticesOf(store, false);
  if (notices.length === 0) return null;
  return (
    <Message kind="note">
      {notices.map((notice) => (
        <p class="m" key={notice}>
          {notice}
        </p>
      ))}
    </Message>
  );
}

const POOR = 0.5;

/** A stand-in that does not follow the model explains nothing: said once the estimate is at rest, and until the next is. */
function PoorFit({ store }: { store: Store }) {
  const said = useRef<{ method: string; words: ComponentChildren } | null>(null);
  const { estimate, streaming } = store.picture.value;
  if (!streaming) said.current = estimate && { method: estimate.method, words: poorFitOf(store) };
  return <>{said.current?.method === estimate?.method && said.current?.words}</>;
}

function poorFitOf(store: Store): ComponentChildren {
  const geometry = store.geometry.value;
  const picture = store.picture.value;
  const { estimate, row } = picture;
  const r2 = estimate?.r2?.[row];
  if (!geometry || !estimate || r2 === undefined || !(r2 < POOR)) return null;
  if (isFlat(picture.values, picture.prediction)) return null;
  const says = estimate.local_predictions?.[row] ?? Number.NaN;
  const width = estimate.params["kernel_width"];
  const other = geometry.methods.find(
    ({ name, why_not }) => /shap/i.test(name) && !why_not && name !== estimate.method,
  );
  return (
    <Message kind="warn">
      <p>
        <b>Do not rely on this one yet.</b>
        {poorFit(
          r2,
          says,
          estimate.predictions[picture.target] ?? picture.prediction,
          geometry.output_unit,
          inputWord(geometry),
        )}
      </p>
      {store.reachable.value && (
        <div class="bs">
          {typeof width === "number" && (
            <button
              type="button"
              class="btn"
              onClick={() => store.ask({ params: narrower(store.request.peek().params ?? {}, width) })}
            >
              Narrow the neighbourhood
            </button>
          )}
          {other && (
            <button
              type="button"
              class="btn"
              onClick={() =>
                store.ask({ method: other.name, params: inputSettings(geometry.params, store.request.peek().params) })
              }
            >
              Use {other.label}
            </button>
          )}
        </div>
      )}
    </Message>
  );
}

const narrower = <T,>(params: Record<string, T>, width: number) => ({ ...params, kernel_width: width / 2 });

/** Whether no feature does anything, to the precision of the wire. */
export function isFlat(values: Float32Array | null, predicted: number): boolean {
  return (
    values !== null && values.length > 0 && values.every((value) => Math.abs(value) <= 1e-6 * (1 + Math.abs(predicted)))
  );
}

function AllZero({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { estimate, values, prediction: value, streaming } = store.picture.value;
  if (!geometry || !estimate || streaming || !isFlat(values, value)) return null;
  return (
    <Message kind="note">
      <p>
        No feature changes this output: {counted(estimate.n_rows, "altered rows")} all gave{" "}
        {prediction(value, geometry.output_unit)}.
      </p>
      <p class="q m">The model may be constant, or it may not read this input. Try another output.</p>
    </Message>
  );
}
