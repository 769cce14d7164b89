"""What `tools/bench/gpu` measured, as Markdown."""


def table(head: list[str], rows: list[list[str]]) -> str:
    """The first column is text, the others are figures."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def figure(value, digits: int = 1, factor: float = 1.0) -> str:
    return "" if value is None else f"{factor * value:.{digits}f}"


def adapter(report: dict) -> str:
    used = next((device for device in report.get("devices", []) if device["used"]), None)
    if used is None:
        return "No adapter.\n"
    text = f"{used['name']}, {used['driver']}, {used['backend']}"
    if used["kind"] == "software":
        text += ". **A software adapter: these are figures of the CPU, not of any GPU**"
    return text + ".\n"


def parity(report: dict) -> str:
    rows = []
    for compared in report["parity"].values():
        for one in compared:
            worst = max(stage["values"]["nmse"] for stage in one["stages"] if stage.get("values"))
            passed = sum(stage["pass"] for stage in one["stages"])
            rows.append([f"{one['model']}, {one['dtype']}", "PASS" if one["pass"] else "FAIL",
                         f"{passed} of {len(one['stages'])}", f"{worst:.1e}", f"{one['gates']['nmse']:.0e}"])
    return table(["parity with OpenCLIP", "", "stages", "worst squared error", "bound"], rows)


def tune(report: dict) -> str:
    rows = [[f"{row['rows']} rows, {row['size']}, {row['dtype']}", row["default"], row["winner"],
             figure(row["default_ms"], 3), figure(row["winner_ms"], 3), figure(row["gain"], 2)]
            for row in report["tune"]["results"] if row["winner"] != row["default"]]
    count = len(report["tune"]["results"])
    return f"{count - len(rows)} of {count} defaults stand.\n\n" + table(
        ["tuned", "default", "winner", "default, ms", "winner, ms", "gain"], rows)


def besides(row: dict) -> str:
    """What some rows tell beside their times."""
    units = {"ms_per_token": "{:.3f} ms an id", "dispatches_per_token": "{:.0f} dispatches an id",
             "clips_per_second": "{:.1f} clips/s", "gpu_share": "the GPU at work {:.0%}",
             "windows_per_second": "{:.1f} windows/s", "kernels": "{} kernels"}
    return ", ".join(text.format(row[name]) for name, text in units.items() if row.get(name) is not None)


def result(row: dict) -> list[str]:
    name = ", ".join(filter(None, [f"{row['name']} {row['shape']}", row["dtype"]]))
    if not row["verified"]:
        return [name, "WRONG", *[""] * 5]
    return [name, figure(row["ms_median"], 3), figure(row["ms_spread"], 0, 100) + " %",
            figure(row["gflops"]), figure(row["gbps"]), figure(row["share_of_ceiling"], 0, 100), besides(row)]


def results(rows: list[dict]) -> list[list[str]]:
    return [result(row) for row in rows]


HEAD = ["", "median, ms", "spread", "GFLOP/s", "GB/s", "% of ceiling", ""]


def kernels(report: dict) -> str:
    measured = report["kernels"]
    ceilings = measured["ceilings"] or {}
    told = ", ".join(f"{name} {value:.0f}" for name, value in ceilings.items() if value is not None)
    return f"Ceilings, 10⁹ a second: {told or 'not measured'}.\n\n" + table(
        ["kernels", *HEAD[1:]], results(measured["results"]))


def models(report: dict) -> str:
    parts = []
    for measured in report["models"].values():
        model = measured["model"]
        weights, peak = model["weights_bytes"], model["peak_bytes"]
        rows = [row for row in measured["results"] if row["suite"] != "kernels"]
        parts.append(table([f"{model['name']}, {model['dtype']}", *HEAD[1:]], results(rows)) +
                     f"\nWeights {weights / 1e6:.0f} MB, at most {peak / 1e6:.0f} MB held"
                     f" ({100 * (peak / weights - 1):.0f} % more).\n")
    return "\n".join(parts)


def measured(report: dict) -> str:
    """The parts of one round that were measured."""
    parts = (("parity", parity), ("tune", tune), ("kernels", kernels), ("models", models))
    return "\n".join(make(report) for name, make in parts if report.get(name))


def markdown(report: dict) -> str:
    """All that was measured, and what failed."""
    sections = [adapter(report), measured(report.get("measured", {}))]
    sections += report.get("side_by_side", {}).values()
    if "measured_coop" in report:
        sections += ["With cooperative matrices (VCOCA_COOP=1):\n", measured(report["measured_coop"])]
    sections += [f"FAILED: {failure}\n" for failure in report["failures"]]
    return "\n".join(sections)
