//! Texts shown while they are written.

mod common;

use std::ops::ControlFlow;

use common::{contexts, tiny};
use vcoca_gpu::Error;
use vcoca_gpu::generate::{BeamSearch, Draw, Options, Strategy, generate, generate_streaming};
use vcoca_gpu::gpu::DType;

#[test]
fn a_text_shown_while_it_is_written_is_the_same_text_and_can_be_broken_off() {
    let model = tiny(DType::F32);
    let context = contexts(&model, &[3]);
    let drawn = Strategy::Draw(Draw {
        seed: 7,
        ..Draw::default()
    });
    for strategy in [Strategy::Greedy, drawn] {
        let options = Options {
            strategy,
            ..Options::default()
        };
        let want = generate(&model, &context, &options)
            .unwrap()
            .remove(0)
            .remove(0);
        let mut shown: Vec<Vec<u32>> = Vec::new();
        let mut show = |ids: &[u32]| {
            shown.push(ids.to_vec());
            ControlFlow::Continue(())
        };
        let got = generate_streaming(&model, &context, &options, &mut show).unwrap();
        assert_eq!(got, want);
        let lengths: Vec<usize> = shown.iter().map(Vec::len).collect();
        assert_eq!(
            lengths,
            (2..2 + shown.len()).collect::<Vec<_>>(),
            "an id at a time"
        );
        let last = shown.last().expect("some ids");
        assert_eq!(last[..want.tokens.len()], want.tokens, "to the end");

        let mut after_four = |ids: &[u32]| match ids.len() {
            4 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let broken = generate_streaming(&model, &context, &options, &mut after_four).unwrap();
        assert_eq!(broken.tokens, want.tokens[..4]);
    }
    let beams = Options {
        strategy: Strategy::Beams(BeamSearch::OPENCLIP),
        ..Options::default()
    };
    let mut show = |_: &[u32]| ControlFlow::Continue(());
    let refused = generate_streaming(&model, &context, &beams, &mut show);
    assert!(
        matches!(refused, Err(Error::Argument { .. })),
        "{refused:?}"
    );
}
