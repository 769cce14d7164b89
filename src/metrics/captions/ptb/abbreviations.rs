//! Words that keep the full stop behind them, and words that do not let them. Found by trying every word of up to five letters, and
//! some hundred longer ones.

/// In any case.
pub(super) const ANY_CASE: &str = "\
    adj adm adv al ala alex apr ariz assn assoc asst atty attys aug ave bhd bldg blvd brig bros calif \
    capt cf cie cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est \
    etc ext feb fla fri ft ga gen gov govs hon inc ind insp intl invt jan jos jr jul jun kan kans ky \
    lieut lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms msgr mt mtg natl neb \
    nev nov oct okla penn pfc ph plc ppte pptes ppty pptys pres prof profs pte ptes pty ptys pvt rd \
    rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt supts sys tel tenn thu thurs \
    treas tue tues univ va vs vt wed wis wisc wm wyo";

/// With a capital: other words, without one.
pub(super) const CAPITAL: &str = "Ark A[Zz] Del Ill L[Aa] Mass Miss Ore P[Aa] Tex Wash";

/// Before a number.
pub(super) const NUMBERED: &str = "art ca fig figs no nos op pp prop";

/// Words that begin a sentence: a full stop before them does not belong to a single letter before it.
pub(super) const STARTERS: &str = "\
    A About According After An As At But Earlier He Her Here However If In It Last Many More Now Once \
    One Other Our She Since So Some Such That The Their Then There These They This We What When While \
    Yet You";
