//! Keeps every change: sled and a journal behind one door.
