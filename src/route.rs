//! Which channel hears of it.
