/** One column a method, one row a feature, all on one scale and in one order. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { endsOf, orderBy, type Shown } from "../board";
import { Axis, Bar } from "../components/bar";
import { Radios } from "../components/radios";
import { decimalsFor, fixed, prediction, signClass, signed, whole } from "../format";
import { paintHeat } from "../heat";
import { loadPhoto, type Photo } from "../photo";
import { couldBeZero } from "../scales";
import type { Board, ImageLayout } from "../schema.gen";
import type { Store } from "../store";
import { headUnit } from "../words";

const SHOWN = 10;

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
  const said = running
    ? `${status?.rows ?? 0} of ${count} methods`
    : `${store.reachable.value ? (status?.state ?? "") : "saved"} · ${count} methods · seed ${board.random_state}`;
  return (
    <div class="jx-head">
      <div class="jx-outs">
        <span class="u1">{headUnit(board.output_unit)} </span>
        <Radios
          label="Output explained"
          choices={board.output_names.map((name, at) => ({
            at,
            name,
            after: <span class="v">{prediction(board.predictions[at] ?? Number.NaN, board.output_unit)}</span>,
          }))}
          chosen={output}
          choose={setOutput}
        />
      </div>
      <div class="jx-meta">
        <span class="q jx-state" role="status">
          {said}
        </span>
        {running && (
          <button type="button" class="btn" title="Esc" onClick={() => store.send("stop")}>
            {store.asked.value === "stop" ? "Stopping\u2026" : "Stop"}
          </button>
        )}
      </div>
      {running && (
        <i
          class="jx-prog"
          style={{ width: `${100 * Math.max(0.01, (status?.rows ?? 0) / count)}%` }}
          aria-hidden="true"
        />
      )}
    </div>
  );
}

interface SideProps {
  store: Store;
  board: Board;
  columns: Shown[];
  by: number;
  setBy: (at: number) => void;
}

export function SideBySide({ store, board, columns, by, setBy }: SideProps) {
  const [all, setAll] = useState(false);
  const [hot, setHot] = useState(-1);
  const n = board.names.length;
  const ends = endsOf(columns);
  const order = orderBy(columns[by]?.values ?? null, n);
  const listed = all || n <= SHOWN + 1 ? order : order.slice(0, SHOWN);
  const layout = store.geometry.value?.layout;
  const photo = layout?.type === "pixels" ? layout : null;
  return (
    <div class="cp" role="table" aria-label="Features by method" style={{ "--methods": columns.length }}>
      <div class="cp-r cp-h" role="row">
        <div class="nm" role="columnheader">
          <span class="q s">{board.things.replace(/s$/, "")}</span>
        </div>
        {columns.map((shown) => (
          <Head key={shown.at} shown={shown} sorted={shown.at === by} sort={() => setBy(shown.at)} />
        ))}
      </div>
      {photo && (
        <div class="cp-r cp-p" role="row">
          <div class="nm" role="rowheader">
            <span class="vh">picture</span>
          </div>
          {columns.map((shown, i) => (
            <div class="c" role="cell" key={shown.at}>
              <Heat layout={photo} shown={shown} end={ends[i] as number} hot={hot} setHot={setHot} />
            </div>
          ))}
        </div>
      )}
      {listed.map((feature) => (
        <div
          class={`cp-r${hot === feature ? " hot" : ""}`}
          role="row"
          key={feature}
          onPointerEnter={() => setHot(feature)}
          onPointerLeave={() => setHot(-1)}
        >
          <div class="nm" role="rowheader" title={board.names[feature]}>
            <bdi>{board.names[feature]}</bdi>{" "}
            {board.values[feature] && <span class="q s">{board.values[feature]}</span>}
          </div>
          {columns.map((shown, i) => (
            <Cell key={shown.at} shown={shown} feature={feature} end={ends[i] as number} unit={board.output_unit} />
          ))}
        </div>
      ))}
      <div class="cp-r cp-x" role="row">
        <div class="nm" role="cell">
          {n > SHOWN + 1 && (
            <button type="button" class="lnk" onClick={() => setAll(!all)}>
              {all ? "fewer" : `all ${whole(n)}`}
            </button>
          )}
        </div>
        {columns.map((shown, i) => (
          <div class="c" role="cell" key={shown.at}>
            {shown.values && (
              <Axis
                end={ends[i] as number}
                decimals={decimalsFor(board.output_unit, ends[i] as number)}
                words={false}
              />
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

function Head({ shown, sorted, sort }: { shown: Shown; sorted: boolean; sort: () => void }) {
  const { column, note } = shown;
  const seconds = column.seconds === null ? "" : `${fixed(column.seconds, 2)} s, ${whole(column.rows)} rows`;
  return (
    <div class="c" role="columnheader" aria-sort={sorted ? "descending" : "none"}>
      <button type="button" class={sorted ? "on" : ""} title={`Sort by ${column.label}`} onClick={sort}>
        <b>{column.label}</b>
      </button>
      {column.state === "failed" ? (
        <span class="why">{column.why_not}</span>
      ) : column.state === "waiting" || column.state === "running" ? (
        <span class="q">{column.state === "running" ? "running\u2026" : "waiting"}</span>
      ) : (
        <span class="q">
          {[note, column.unit, seconds].filter(Boolean).map((line) => (
            <span key={line} class="ln">
              {line}
            </span>
          ))}
        </span>
      )}
    </div>
  );
}

function Cell({
  shown,
  feature,
  end,
  unit,
}: {
  shown: Shown;
  feature: number;
  end: number;
  unit: Board["output_unit"];
}) {
  const value = shown.values?.[feature] ?? Number.NaN;
  const error = shown.errors?.[feature];
  const decimals = decimalsFor(unit, end);
  const sign = couldBeZero(value, error) ? "q" : signClass(value, decimals);
  return (
    <div class="c" role="cell">
      <Bar value={value} error={error} end={end} />
      <span class={`num ${sign}`}>{shown.values ? signed(value, decimals) : ""}</span>
    </div>
  );
}

interface HeatProps {
  layout: ImageLayout;
  shown: Shown;
  end: number;
  hot: number;
  setHot: (piece: number) => void;
}

/** The picture with one method's pieces on it. */
function Heat({ layout, shown, end, hot, setHot }: HeatProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const photo = useLoaded(layout);
  const { values, errors, column } = shown;
  useLayoutEffect(() => {
    const context = photo && canvas.current?.getContext("2d");
    if (!photo || !context) return;
    const image = context.createImageData(photo.ground.width, photo.ground.height);
    const seen = (i: number) => values?.[i] !== 0 && !couldBeZero(values?.[i] ?? 0, errors?.[i]);
    paintHeat(image.data, photo.ground, values ? { values, shown: seen, end, opacity: 0.7, hot } : null);
    context.putImageData(image, 0, 0);
  });
  if (!photo) return null;
  const { width, height, index } = photo.ground;
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={`${column.label} on the picture`}
      width={width}
      height={height}
      onPointerMove={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const x = Math.min(width - 1, Math.floor(((event.clientX - box.left) / box.width) * width));
        const y = Math.min(height - 1, Math.floor(((event.clientY - box.top) / box.height) * height));
        setHot(index[y * width + x] ?? -1);
      }}
      onPointerLeave={() => setHot(-1)}
    />
  );
}

function useLoaded(layout: ImageLayout): Photo | null {
  const [photo, setPhoto] = useState<Photo | null>(null);
  useLayoutEffect(() => {
    let wanted = true;
    loadPhoto(layout, null).then(
      (loaded) => wanted && setPhoto(loaded),
      () => wanted && setPhoto(null),
    );
    return () => {
      wanted = false;
    };
  }, [layout]);
  return photo;
}
