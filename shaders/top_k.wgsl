// The k largest values of every row and where they stand, in falling order; of equal values the
// lower index comes first, NaN come last.
//
// Values are compared as integers that order as the floats do (`rank`): exact, and no driver can
// assume NaN away. Each of the k rounds scans the row for the best entry behind the last one
// taken, so nothing is kept but that entry.
//
// Grid: one workgroup of LANES invocations a row, folded into x and y.
// Constants: LANES (a power of two).

struct Params {
    rows: u32,
    width: u32, // V
    k: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;             // (rows, V)
@group(0) @binding(1) var<storage, read_write> values: array<f32>;  // (rows, k)
@group(0) @binding(2) var<storage, read_write> indices: array<u32>; // (rows, k)
var<immediate> p: Params;

// Best entry by lane.
var<workgroup> ranks: array<u32, LANES>;
var<workgroup> places: array<u32, LANES>;

const NOWHERE: u32 = 0xffffffffu;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let lane = local.x;
    let row = group.y * groups.x + group.x;
    // A row past the end repeats the last one, so that all invocations meet at the barriers.
    let start = min(row, p.rows - 1u) * p.width;

    var last_rank = 0xffffffffu;
    var last_place = 0u;
    for (var n = 0u; n < p.k; n++) {
        var best = 0u;
        var place = NOWHERE;
        // Places grow along the loop, so a later equal never displaces an earlier one.
        for (var c = lane; c < p.width; c += LANES) {
            let r = rank(x[start + c]);
            let open = r < last_rank || (r == last_rank && c > last_place);
            if open && (place == NOWHERE || r > best) {
                best = r;
                place = c;
            }
        }
        ranks[lane] = best;
        places[lane] = place;
        workgroupBarrier();
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            if lane < half {
                let r = ranks[lane + half];
                let c = places[lane + half];
                // NOWHERE ranks 0 and is the largest place: it loses every comparison.
                if r > ranks[lane] || (r == ranks[lane] && c < places[lane]) {
                    ranks[lane] = r;
                    places[lane] = c;
                }
            }
            workgroupBarrier();
        }
        last_rank = ranks[0];
        last_place = places[0];
        if lane == 0u && row < p.rows {
            values[row * p.k + n] = x[start + last_place];
            indices[row * p.k + n] = last_place;
        }
        workgroupBarrier(); // all have read the winner before the next round writes
    }
}
