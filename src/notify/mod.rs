//! Empties the outbox: the courier and the kinds of receivers.
