/** The explained outputs of a comparison as a switch, and how far its methods are. */
import { Radios } from "../components/radios";
import { prediction, roomForWas } from "../format";
import type { Board } from "../schema.gen";
import type { Store } from "../store";
import { headUnit } from "../words";
import { Action, Progress } from "./state";

export function CompareHead(props: {
  store: Store;
  board: Board;
  output: number;
  setOutput: (output: number) => void;
}) {
  const { store, board, output, setOutput } = props;
  const status = store.status.value;
  const running = status?.state === "running" && store.reachable.value;
  const count = board.columns.length;
  const now = store.predictions.value;
  const was = store.originally.value;
  const said = running
    ? `${status?.rows ?? 0} of ${count} methods`
    : `${store.reachable.value ? (status?.state ?? "") : "saved"} · ${count} methods · seed ${board.random_state}`;
  return (
    <div class="jx-head" style={roomForWas(was?.[output] ?? now?.[output], board.output_unit)}>
      <div class="jx-outs">
        <span class="u1">{headUnit(board.output_unit)} </span>
        <Radios
          label="Output explained"
          choices={board.output_names.map((name, at) => ({
            at,
            name,
            after: (
              <>
                <span class={`v${store.whatif.foreseen.value?.source === "curve" ? " guess" : ""}`}>
                  {prediction(now?.[at] ?? board.predictions[at] ?? Number.NaN, board.output_unit)}
                </span>
                {at === output && was && (
                  <span class="was"> was {prediction(was[at] ?? Number.NaN, board.output_unit)}</span>
                )}
              </>
            ),
          }))}
          chosen={output}
          choose={setOutput}
        />
      </div>
      <div class="jx-meta">
        <span class="q jx-state" role="status" title={said}>
          {said}
        </span>
        {store.reachable.value && <Action store={store} state={status?.state ?? "idle"} />}
      </div>
      <Progress store={store} />
    </div>
  );
}
