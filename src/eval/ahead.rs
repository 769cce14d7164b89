//! Work done one step ahead, on a thread of its own.

use std::sync::mpsc;
use std::thread;

/// Calls `take` with what `prepare` makes of each job, in order; while it is at work, the next job is
/// prepared. At most two are in memory. Stops at the first error of `take`.
pub(super) fn ahead<J: Send, P: Send, E>(
    jobs: impl Iterator<Item = J> + Send,
    prepare: impl Fn(&J) -> P + Send,
    mut take: impl FnMut(J, P) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        // Nothing is stored between the two threads: one video waits there at most.
        let (give, given) = mpsc::sync_channel(0);
        scope.spawn(move || {
            for job in jobs {
                let prepared = prepare(&job);
                // Nobody takes any more.
                if give.send((job, prepared)).is_err() {
                    break;
                }
            }
        });
        for (job, prepared) in given {
            take(job, prepared)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::ahead;

    #[test]
    fn jobs_come_in_order_and_stop_at_an_error() {
        let mut taken = Vec::new();
        let square = |job: &u32| job * job;
        let end = ahead(0.., square, |job, square| {
            taken.push((job, square));
            if job == 3 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(end, Err("enough"));
        assert_eq!(taken, [(0, 0), (1, 1), (2, 4), (3, 9)]);
    }
}
