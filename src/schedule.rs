//! Who is due: the one timer queue for all looks.
