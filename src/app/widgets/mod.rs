//! The small parts all panels are built of: cards, rows, buttons, number fields, banners. They know the theme and
//! nothing of films or volumes.

mod banner;
mod button;
mod field;
mod layout;

pub use banner::{Answer, Tone, banner, tag};
pub use button::{icon_button, primary_button, quiet_button, segmented, tab, toggle};
pub use field::{NumberForm, choice, number, path_field, slider};
pub use layout::{caption, card, divider, modal, progress, row, section, value_row};
