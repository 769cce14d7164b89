//! Cooperative matrices, which a subgroup multiplies together: which ones an adapter has, and
//! whether they are asked for.

use wgpu::{AdapterInfo, CooperativeScalarType as Scalar, ExperimentalFeatures, Features};

/// Asks for them on any adapter that has them: `1` for products, where tuning finds them faster; `all` for
/// attention, too.
const OPT_IN: &str = "VCOCA_COOP";

/// Whether the user asks for them by one of these values.
fn asked(values: &[&str]) -> bool {
    std::env::var(OPT_IN).is_ok_and(|value| values.contains(&value.as_str()))
}

/// Whether they are to do attention wherever they can.
pub(crate) fn attention_wanted() -> bool {
    asked(&["all"])
}

/// Adapters that need no opting in, by parts of their names and of their drivers: those where the
/// kernels were right and faster. None is, as they have run on no hardware yet.
const ALLOWED: &[(&str, &str)] = &[];

/// Rows and columns of the square matrices that a device with these features multiplies; the larger
/// ones if there are two kinds.
///
/// Only those of f16 operands and f32 sums count: every accumulator is f32, so what sums in f16 is of no
/// use here.
pub(super) fn side(adapter: &wgpu::Adapter, features: Features) -> Option<u32> {
    let needed =
        Features::EXPERIMENTAL_COOPERATIVE_MATRIX | Features::SHADER_F16 | Features::SUBGROUP;
    if !features.contains(needed) {
        return None;
    }
    let kinds = adapter.cooperative_matrix_properties();
    kinds
        .iter()
        .filter(|kind| kind.ab_type == Scalar::F16 && kind.cr_type == Scalar::F32)
        .filter(|kind| kind.n_size == kind.m_size && kind.k_size == kind.m_size)
        .map(|kind| kind.m_size)
        .max()
}

/// The feature, if the user or the list asks for it.
pub(super) fn wanted(info: &AdapterInfo) -> Features {
    let allowed = |(adapter, driver): &(&str, &str)| {
        info.name.contains(adapter) && info.driver_info.contains(driver)
    };
    if asked(&["1", "all"]) || ALLOWED.iter().any(allowed) {
        Features::EXPERIMENTAL_COOPERATIVE_MATRIX
    } else {
        Features::empty()
    }
}

/// What wgpu wants to be given with experimental features.
pub(super) fn token(features: Features) -> ExperimentalFeatures {
    if features.contains(Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
        // SAFETY: the user asked for it, or the adapter was seen to do it right; and its kernels are
        // used only once they have passed a test on the device.
        unsafe { ExperimentalFeatures::enabled() }
    } else {
        ExperimentalFeatures::disabled()
    }
}
