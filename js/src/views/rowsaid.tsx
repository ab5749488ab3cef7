import { decimalsFor, prediction, signClass, signed, whole } from "../format";
import { endOf, predictionOf, rowOf } from "../overview";
import type { Overview } from "../schema.gen";

const MOST = 4;

/** One row in a line: what it has and what that weighs. */
export function RowSaid(props: { over: Overview; output: number; row: number; open: (row: number) => void }) {
  const { over, output, row, open } = props;
  const found = rowOf(over, output, row, MOST);
  const says = predictionOf(over, output, row);
  const decimals = decimalsFor(over.output_unit, over.dots ? endOf(over.dots, output) : 1);
  return (
    <p class="m">
      <b>Row #{whole(row)}</b>{" "}
      {Number.isFinite(says) && (
        <>
          <span class="q">{over.output_names[output]}</span> {prediction(says, over.output_unit)}{" "}
        </>
      )}
      {found.map(({ name, driver }) => (
        <span key={name}>
          <span class="q">{name}</span> <bdi>{driver.value}</bdi>{" "}
          <b class={signClass(driver.weight, decimals)}>{signed(driver.weight, decimals)}</b>{" "}
        </span>
      ))}
      <button type="button" class="lnk" onClick={() => open(-1)}>
        close
      </button>
    </p>
  );
}
