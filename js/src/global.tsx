/** What a model looks at over many rows: features by importance, the rows behind them, and one row's own view. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Radios } from "./components/radios";
import { Message, Messages } from "./controls/message";
import { OtherOutputs } from "./controls/others";
import { Progress, StateAndStop } from "./controls/state";
import { counted, shortened } from "./format";
import { Guard, useEscape } from "./guard";
import { ALL, firstOutput, numbersOf, predictedFor } from "./overview";
import type { Opened, Overview } from "./schema.gen";
import type { Store } from "./store";
import type { Session } from "./sync";
import { Classes } from "./views/classes";
import { Features } from "./views/features";
import { Matrix } from "./views/matrix";
import { Picks } from "./views/picks";
import { RowSaid } from "./views/rowsaid";

interface GlobalProps {
  store: Store;
  session: Session;
  root: HTMLElement;
  /** Puts a row's own view into a place and returns what removes it. */
  beneath: (place: HTMLElement, name: string | undefined) => () => void;
  onBroken: (error: unknown) => void;
}

const NEAR = 3;

export function GlobalApp({ store, session, root, beneath, onBroken }: GlobalProps) {
  useEscape(root, store);
  return (
    <Guard onBroken={onBroken}>
      <Global store={store} session={session} beneath={beneath} />
    </Guard>
  );
}

function Global({ store, session, beneath }: Pick<GlobalProps, "store" | "session" | "beneath">) {
  const over = session.overview.value;
  const opened = session.opened.value;
  const asked = useRef(ALL);
  if (!over?.output_names.length)
    return (
      <>
        <div class="jx-head">
          <div class="jx-outs q m">No rows yet</div>
          <div class="jx-meta">
            <StateAndStop store={store} once />
          </div>
        </div>
        <Messages store={store} />
        {!store.status.value?.error && (
          <Message kind="note">
            <p class="m">Explaining the first row.</p>
          </Message>
        )}
      </>
    );
  const wanted = store.display.value.target ?? firstOutput(over);
  const output = wanted < over.output_names.length && (wanted !== ALL || over.overall) ? wanted : 0;
  const row = store.display.value.row ?? opened?.row ?? ALL;
  const choose = (target: number) => store.show({ target });
  const askFor = (wanted: number) => {
    const name = output === ALL || over.output_names.length < 2 ? {} : { output: over.output_names[output] as string };
    if (store.reachable.peek()) session.ask({ type: "row", row: wanted, ...name });
  };
  const open = (next: number) => {
    asked.current = next;
    store.show({ row: next });
    askFor(next);
  };
  const common = { over, output, row, open };
  const numbers = numbersOf(over, output);
  return (
    <>
      <Head {...{ store, over, output, choose }} />
      <Messages store={store} />
      <Said over={over} output={output} values={numbers.values} />
      {over.map ? null : <Features store={store} numbers={numbers} {...common} />}
      <Classes over={over} output={output} choose={choose} />
      <Picks {...common} />
      {over.pairs && <Matrix store={store} pairs={over.pairs} output={Math.max(0, output)} />}
      {row >= 0 && (
        <section class="gl-o" aria-label={`Row ${row}`}>
          <RowSaid {...common} />
          <Row {...{ store, opened, row, beneath, asked, askFor }} />
        </section>
      )}
      {over.notices.length > 0 && <p class="s q">{over.notices.join(" ")}</p>}
    </>
  );
}

function Head(props: { store: Store; over: Overview; output: number; choose: (output: number) => void }) {
  const { store, over, output, choose } = props;
  const names = over.output_names;
  const all = over.overall && names.length > 1 ? [ALL] : [];
  const near = [...all, ...names.keys()].slice(0, names.length > NEAR ? NEAR : NEAR + 1);
  if (!near.includes(output)) near[near.length - 1] = output;
  const rest = [...names.keys()].filter((at) => !near.includes(at));
  const said = (at: number) => (at === ALL ? "all outputs" : (names[at] as string));
  const by = over.explainer ? `${over.method} of ${over.explainer}` : over.method;
  const seed = over.random_state === null ? "" : ` · seed ${over.random_state}`;
  return (
    <div class="jx-head">
      <div class="jx-outs">
        <span class="u1">importance for </span>
        <Radios
          label="Output explained"
          choices={near.map((at) => ({ at, name: said(at), after: <span class="s q">{predictedFor(over, at)}</span> }))}
          chosen={output}
          choose={choose}
        />
        {rest.length > 0 && (
          <OtherOutputs
            label={`+${rest.length}`}
            rest={() => rest.map((index) => ({ index, name: said(index), value: 0, explained: true }))}
            onlyExplained={false}
            explained={rest.length}
            text={({ index, name }) => `${name} ${predictedFor(over, index)}`}
            choose={choose}
          />
        )}
      </div>
      <div class="jx-meta">
        <span>{by}</span>
        <StateAndStop store={store} once tail={seed} />
      </div>
      <Progress store={store} />
    </div>
  );
}

/** A sentence first. */
function Said({ over, output, values }: { over: Overview; output: number; values: Float32Array }) {
  const order = [...over.names.keys()].sort((a, b) => (values[b] as number) - (values[a] as number));
  const last = over.picks.at(-1);
  const often = predictedFor(over, output);
  return (
    <p class="jx-say" aria-live="off">
      {!over.map && (
        <>
          Over {counted(over.rows, "rows")}{" "}
          <b>
            {order
              .slice(0, 3)
              .map((at) => shortened(over.names[at] as string))
              .join(", ")}
          </b>{" "}
          weigh most
          {output === ALL || over.output_names.length < 2 ? "" : ` for ${over.output_names[output]}`}
          {often && `, predicted for ${often}`}.{" "}
        </>
      )}
      {last &&
        `${counted(over.picks.length, "picked rows")} cover ${Math.round(100 * last.covered)} % of what matters.`}
    </p>
  );
}

interface RowProps {
  store: Store;
  opened: Opened | null;
  row: number;
  beneath: GlobalProps["beneath"];
  /** The row that somebody has just clicked here. */
  asked: { current: number };
  askFor: (row: number) => void;
}

/** The row's own view, or why there is none. */
function Row({ store, opened, row, beneath, asked, askFor }: RowProps) {
  const place = useRef<HTMLDivElement>(null);
  const link = store.link.value;
  const before = useRef(link);
  const here = opened?.row === row ? opened : null;
  const shown = here !== null && here.error === undefined;
  useLayoutEffect(() => {
    if (!shown || !place.current) return undefined;
    const leave = beneath(place.current, here?.model);
    if (asked.current === row) place.current.parentElement?.scrollIntoView?.({ block: "nearest" });
    asked.current = ALL;
    return leave;
  }, [shown, row, here?.model]);
  useEffect(() => {
    // the message may have been lost with the connection
    if (link === "live" && before.current !== link && !here && asked.current === row) askFor(row);
    before.current = link;
  }, [link]);
  if (here?.error)
    return (
      <Message kind="warn">
        <p class="m">{here.error}</p>
      </Message>
    );
  if (!shown)
    return (
      <p class="s q">
        {store.reachable.value ? `Opening row ${row}\u2026` : "Run the cell to explain this row and to change it."}
      </p>
    );
  return <div ref={place} />;
}
