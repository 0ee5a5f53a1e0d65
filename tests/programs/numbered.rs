//! Fifty call sites that are chosen by number.

use crate::rig::{Block, sites};

sites! {
    site_00 site_01 site_02 site_03 site_04 site_05 site_06 site_07 site_08 site_09
    site_10 site_11 site_12 site_13 site_14 site_15 site_16 site_17 site_18 site_19
    site_20 site_21 site_22 site_23 site_24 site_25 site_26 site_27 site_28 site_29
    site_30 site_31 site_32 site_33 site_34 site_35 site_36 site_37 site_38 site_39
    site_40 site_41 site_42 site_43 site_44 site_45 site_46 site_47 site_48 site_49
}

/// The site with that number; its function is called `site_` and the number in two digits.
pub(crate) const SITES: [fn(usize) -> Block; 50] = [
    site_00, site_01, site_02, site_03, site_04, site_05, site_06, site_07, site_08, site_09,
    site_10, site_11, site_12, site_13, site_14, site_15, site_16, site_17, site_18, site_19,
    site_20, site_21, site_22, site_23, site_24, site_25, site_26, site_27, site_28, site_29,
    site_30, site_31, site_32, site_33, site_34, site_35, site_36, site_37, site_38, site_39,
    site_40, site_41, site_42, site_43, site_44, site_45, site_46, site_47, site_48, site_49,
];
