//! Who may hold a connection: so many in all, so many from one address, and who has to go when there are more.
//!
//! A newcomer is not turned away while somebody only waits: the connection that has been without a request for the
//! longest makes room. So a thousand silent connections cannot keep out one that asks.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// The most connections in all.
pub(super) const CONNECTIONS_MAX: usize = 256;

/// The most connections from one address. Loopback is not counted: there a reverse proxy speaks for many.
pub(super) const CONNECTIONS_PER_ADDRESS_MAX: usize = 32;

/// The gate of one listener.
#[derive(Default, Debug)]
pub(super) struct Gate {
    seats: Mutex<Seats>,
}

#[derive(Default, Debug)]
struct Seats {
    /// Runs up; orders seats and waits.
    next: u64,
    taken: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    address: IpAddr,
    /// Its place in the order of waiting; absent while a request is being answered.
    waits_since: Option<u64>,
    leave: CancellationToken,
}

/// The permission to hold one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    seat: u64,
    leave: CancellationToken,
}

impl Gate {
    /// Lets a connection in, if need be in the place of one that waits; absent if nobody can make room.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let address = network_of(address);
        let mut seats = self.seats();
        if !address.is_loopback() {
            let from_there = |seat: &Seat| seat.address == address;
            let count = seats.taken.values().filter(|seat| from_there(seat)).count();
            if count >= CONNECTIONS_PER_ADDRESS_MAX && !seats.make_room(from_there) {
                return None;
            }
        }
        if seats.taken.len() >= CONNECTIONS_MAX && !seats.make_room(|_| true) {
            return None;
        }
        let seat = seats.number();
        let leave = CancellationToken::new();
        seats.taken.insert(
            seat,
            Seat {
                address,
                waits_since: Some(seat),
                leave: leave.clone(),
            },
        );
        Some(Ticket {
            gate: Arc::clone(self),
            seat,
            leave,
        })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // Nothing in here can be left half done by a panic.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Sends away the connection that has waited longest among these; false if none of them waits.
    fn make_room(&mut self, among: impl Fn(&Seat) -> bool) -> bool {
        let longest = self
            .taken
            .iter()
            .filter(|(_, seat)| among(seat))
            .filter_map(|(&number, seat)| Some((seat.waits_since?, number)))
            .min();
        let Some((_, number)) = longest else {
            return false;
        };
        if let Some(seat) = self.taken.remove(&number) {
            seat.leave.cancel();
        }
        true
    }
}

impl Ticket {
    /// Ends when the connection has to make room.
    pub(super) async fn has_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// A request is being answered until the guard is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        if let Some(seat) = self.gate.seats().taken.get_mut(&self.seat) {
            seat.waits_since = None;
        }
        Busy(Arc::clone(self))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.seats().taken.remove(&self.seat);
    }
}

/// A request is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Ticket>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut seats = self.0.gate.seats();
        let number = seats.number();
        if let Some(seat) = seats.taken.get_mut(&self.0.seat) {
            seat.waits_since = Some(number);
        }
    }
}

/// What counts as one address: a host of IPv4, a /64 of IPv6, since that much is given to one customer.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        canonical @ (IpAddr::V4(_) | IpAddr::V6(_)) => canonical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(gate: &Arc<Gate>, address: &str) -> Option<Arc<Ticket>> {
        gate.admit(address.parse().unwrap()).map(Arc::new)
    }

    #[test]
    fn one_address_cannot_take_more_than_its_share() {
        let gate = Arc::new(Gate::default());
        let tickets: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX)
            .map(|_| admit(&gate, "192.0.2.1").unwrap())
            .collect();
        let busy: Vec<_> = tickets.iter().map(Ticket::busy).collect();
        assert!(admit(&gate, "192.0.2.1").is_none());
        assert!(admit(&gate, "::ffff:192.0.2.1").is_none());
        assert!(admit(&gate, "192.0.2.2").is_some());
        drop(busy);
        assert!(admit(&gate, "192.0.2.1").is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let gate = Arc::new(Gate::default());
        let tickets: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX)
            .map(|host| admit(&gate, &format!("2001:db8::{host:x}")).unwrap())
            .collect();
        let _busy: Vec<_> = tickets.iter().map(Ticket::busy).collect();
        assert!(admit(&gate, "2001:db8::ffff").is_none());
        assert!(admit(&gate, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn who_has_waited_longest_makes_room_for_a_newcomer() {
        let gate = Arc::new(Gate::default());
        let tickets: Vec<_> = (0..CONNECTIONS_MAX)
            .map(|_| admit(&gate, "127.0.0.1").unwrap())
            .collect();
        // The first asked something a moment ago, the second is being answered: neither has waited longest.
        drop(tickets[0].busy());
        let _busy = tickets[1].busy();
        let newcomer = admit(&gate, "127.0.0.1").expect("somebody only waits");
        let gone: Vec<_> = tickets
            .iter()
            .enumerate()
            .filter(|(_, ticket)| ticket.leave.is_cancelled())
            .map(|(place, _)| place)
            .collect();
        assert_eq!(gone, [2]);
        assert!(!newcomer.leave.is_cancelled());
    }

    #[test]
    fn nobody_who_is_being_answered_is_sent_away() {
        let gate = Arc::new(Gate::default());
        let tickets: Vec<_> = (0..CONNECTIONS_MAX)
            .map(|_| admit(&gate, "127.0.0.1").unwrap())
            .collect();
        let busy: Vec<_> = tickets.iter().map(Ticket::busy).collect();
        assert!(admit(&gate, "127.0.0.1").is_none());
        assert!(tickets.iter().all(|ticket| !ticket.leave.is_cancelled()));
        drop(busy);
        assert!(admit(&gate, "127.0.0.1").is_some());
    }

    #[test]
    fn a_seat_is_free_again_when_the_connection_ends() {
        let gate = Arc::new(Gate::default());
        for _ in 0..3 * CONNECTIONS_MAX {
            let ticket = admit(&gate, "192.0.2.1").unwrap();
            let _busy = ticket.busy();
        }
        assert!(gate.seats().taken.is_empty());
    }
}
