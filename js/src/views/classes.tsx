/** Classes beside each other: each with its own first features, or with its picture. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { float32 } from "../decode";
import { decimalsFor, fixed } from "../format";
import { numbersOf, predictedFor } from "../overview";
import { wantedEnd } from "../scales";
import type { Overview } from "../schema.gen";

const MOST = 5;

export function Classes(props: { over: Overview; output: number; choose: (output: number) => void }) {
  const { over, output, choose } = props;
  const names = over.output_names;
  if (names.length < 2 && !over.map) return null;
  const all = float32(over.values) as Float32Array;
  // of two probabilities one mirrors the other
  const n = over.names.length;
  const close = (value: number, i: number) => Math.abs(value - (all[n + i] as number)) <= 1e-4 * Math.abs(value);
  if (names.length === 2 && !over.map && all.subarray(0, n).every(close)) return null;
  const end = wantedEnd(all, null);
  const decimals = decimalsFor(over.output_unit, end);
  return (
    <section class="gl-p" aria-label="By output">
      <div class="m">
        <b>Output by output</b>{" "}
        <span class="q">{over.map ? "Stronger places weigh more." : "What weighs most for each."}</span>
      </div>
      <div class="gl-c">
        {names.map((name, at) => {
          const { values } = numbersOf(over, at);
          const order = [...values.keys()].sort((a, b) => (values[b] as number) - (values[a] as number)).slice(0, MOST);
          return (
            <button type="button" key={name} aria-pressed={at === output} onClick={() => choose(at)}>
              <b>
                <bdi>{name}</bdi>
              </b>
              {over.predicted && <span class="s q">predicted for {predictedFor(over, at)}</span>}
              {over.map ? (
                <Places over={over} at={at} />
              ) : (
                order.map((feature) => (
                  <span class="gl-s s" key={feature}>
                    <bdi>{over.names[feature]}</bdi>
                    <i style={{ width: `${Math.round((40 * (values[feature] as number)) / end)}px` }} />
                    {fixed(values[feature] as number, decimals)}
                  </span>
                ))
              )}
            </button>
          );
        })}
      </div>
    </section>
  );
}

/** Importance of every place of aligned pictures; the sheet turns it round on dark ground. */
function Places({ over, at }: { over: Overview; at: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [height, width] = over.shape as [number, number];
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    const values = float32(over.map)?.subarray(at * height * width, (at + 1) * height * width);
    if (!context || !values) return;
    const most = values.reduce((a, b) => Math.max(a, b), 0) || 1;
    const image = context.createImageData(width, height);
    values.forEach((value, i) => {
      image.data[4 * i + 3] = 255 * (value / most);
    });
    context.putImageData(image, 0, 0);
  });
  return (
    <canvas
      ref={canvas}
      width={width}
      height={height}
      role="img"
      aria-label={`Places that weigh for ${over.output_names[at]}`}
    />
  );
}
