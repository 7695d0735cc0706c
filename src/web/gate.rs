//! Who may hold a connection: so many in all, so many from one address, and who has to go when there are more.
//!
//! A newcomer is not turned away while somebody only waits: the connection that has been without a request for the
//! longest makes room, once it has had the time to ask. So a thousand silent connections cannot keep out one that asks,
//! and five hundred that ask at once are all answered: who finds no room stands in a queue for a moment.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::model::Tick;

/// The most connections in all.
pub(super) const CONNECTIONS_MAX: usize = 256;

/// The most connections from one address. Loopback is not counted: there a reverse proxy speaks for many.
pub(super) const CONNECTIONS_PER_ADDRESS_MAX: usize = 32;

/// The most connections that wait to be let in, all together and, but for loopback, from one address.
pub(super) const QUEUE_MAX: usize = 256;
const QUEUE_PER_ADDRESS_MAX: usize = 32;

/// How often somebody in the queue looks whether another has waited long enough to be sent away.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection that has to make room may still bring a request that was on its way: this process may have been too busy
/// to read it.
pub(super) const LAST_LOOK: Duration = Duration::from_millis(250);

/// The gate of one listener.
pub(super) struct Gate {
    seats: Mutex<Seats>,
    /// Somebody left.
    freed: Notify,
    now: Box<dyn Fn() -> Tick + Send + Sync>,
    /// How long a connection may be without a request before it makes room: for a request that is on its way, and for an answer that is
    /// still being sent.
    grace: Duration,
}

#[derive(Default, Debug)]
struct Seats {
    /// The number of the seat that was taken last.
    next: u64,
    taken: BTreeMap<u64, Seat>,
    /// How many stand in the queue, by address.
    queue: BTreeMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Seat {
    address: IpAddr,
    /// Absent while a request is being answered.
    waits_since: Option<Tick>,
    leave: CancellationToken,
}

/// The permission to hold one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    seat: u64,
    leave: CancellationToken,
    /// Also when the seat was taken away.
    is_busy: AtomicBool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("seats", &self.seats)
            .finish_non_exhaustive()
    }
}

impl Gate {
    pub(super) fn new(now: impl Fn() -> Tick + Send + Sync + 'static, grace: Duration) -> Self {
        Self {
            seats: Mutex::default(),
            freed: Notify::new(),
            now: Box::new(now),
            grace,
        }
    }

    /// Lets a connection in, if need be after a moment and in the place of one that only waits; absent if even the queue
    /// is full, or nobody made room within this time.
    pub(super) async fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limit: Duration,
    ) -> Option<Ticket> {
        if let Some(ticket) = self.admit(address) {
            return Some(ticket);
        }
        let _place = self.queue(address)?;
        let waiting = async {
            loop {
                tokio::select! {
                    () = self.freed.notified() => {}
                    () = sleep(QUEUE_PAUSE) => {}
                }
                if let Some(ticket) = self.admit(address) {
                    break ticket;
                }
            }
        };
        timeout(limit, waiting).await.ok()
    }

    /// Lets a connection in, if need be in the place of one that waits; absent if nobody can make room now.
    fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let address = network_of(address);
        let now = (self.now)();
        let mut seats = self.seats();
        if !address.is_loopback() {
            let from_there = |seat: &Seat| seat.address == address;
            let count = seats.taken.values().filter(|seat| from_there(seat)).count();
            if count >= CONNECTIONS_PER_ADDRESS_MAX && !seats.make_room(now, self.grace, from_there)
            {
                return None;
            }
        }
        if seats.taken.len() >= CONNECTIONS_MAX && !seats.make_room(now, self.grace, |_| true) {
            return None;
        }
        seats.next += 1;
        let seat = seats.next;
        let leave = CancellationToken::new();
        seats.taken.insert(
            seat,
            Seat {
                address,
                waits_since: Some(now),
                leave: leave.clone(),
            },
        );
        Some(Ticket {
            gate: Arc::clone(self),
            seat,
            leave,
            is_busy: AtomicBool::new(false),
        })
    }

    /// A place in the queue; absent if it is full.
    fn queue(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network_of(address);
        let mut seats = self.seats();
        let total: usize = seats.queue.values().sum();
        let from_there = seats.queue.get(&address).copied().unwrap_or_default();
        if total >= QUEUE_MAX || !address.is_loopback() && from_there >= QUEUE_PER_ADDRESS_MAX {
            return None;
        }
        seats.queue.insert(address, from_there + 1);
        Some(Place {
            gate: Arc::clone(self),
            address,
        })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // Nothing in here can be left half done by a panic.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Sends away the connection that has waited longest among these; false if none of them has waited long enough.
    fn make_room(&mut self, now: Tick, grace: Duration, among: impl Fn(&Seat) -> bool) -> bool {
        let longest = self
            .taken
            .iter()
            .filter(|(_, seat)| among(seat))
            .filter_map(|(&number, seat)| Some((seat.waits_since?, number)))
            .min();
        let Some((since, number)) = longest else {
            return false;
        };
        if now.since(since) < grace {
            return false;
        }
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

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Acquire)
    }

    /// A request is being answered until the guard is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.is_busy.store(true, Ordering::Release);
        if let Some(seat) = self.gate.seats().taken.get_mut(&self.seat) {
            seat.waits_since = None;
        }
        Busy(Arc::clone(self))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.seats().taken.remove(&self.seat);
        self.gate.freed.notify_one();
    }
}

/// A request is being answered.
#[derive(Debug)]
pub(super) struct Busy(Arc<Ticket>);

impl Busy {
    /// Lasts until this body was handed over.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(Answer { body, _busy: self })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Ordering::Release);
        let now = (self.0.gate.now)();
        if let Some(seat) = self.0.gate.seats().taken.get_mut(&self.0.seat) {
            seat.waits_since = Some(now);
        }
    }
}

/// The body of an answer, and with it the guard.
struct Answer {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A place in the queue; given back when dropped.
struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut seats = self.gate.seats();
        if let Some(count) = seats.queue.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                seats.queue.remove(&self.address);
            }
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::web::serve::LIMITS;

    const LONG: Duration = Duration::from_mins(1);

    /// A gate, and the milliseconds that its clock shows.
    fn gate() -> (Arc<Gate>, Arc<AtomicU64>) {
        let millis = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&millis);
        let now = move || Tick::from_micros(clock.load(Ordering::Relaxed) * 1_000);
        (Arc::new(Gate::new(now, LIMITS.grace)), millis)
    }

    fn admit(gate: &Arc<Gate>, address: &str) -> Option<Arc<Ticket>> {
        gate.admit(address.parse().unwrap()).map(Arc::new)
    }

    fn full_house(gate: &Arc<Gate>) -> Vec<Arc<Ticket>> {
        (0..CONNECTIONS_MAX)
            .map(|_| admit(gate, "127.0.0.1").unwrap())
            .collect()
    }

    #[test]
    fn one_address_cannot_take_more_than_its_share() {
        let (gate, millis) = gate();
        let tickets: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX)
            .map(|_| admit(&gate, "192.0.2.1").unwrap())
            .collect();
        let busy: Vec<_> = tickets.iter().map(Ticket::busy).collect();
        millis.store(10_000, Ordering::Relaxed);
        assert!(admit(&gate, "192.0.2.1").is_none());
        assert!(admit(&gate, "::ffff:192.0.2.1").is_none());
        assert!(admit(&gate, "192.0.2.2").is_some());
        drop(busy);
        millis.store(10_250, Ordering::Relaxed);
        assert!(admit(&gate, "192.0.2.1").is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let (gate, _) = gate();
        let tickets: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX)
            .map(|host| admit(&gate, &format!("2001:db8::{host:x}")).unwrap())
            .collect();
        let _busy: Vec<_> = tickets.iter().map(Ticket::busy).collect();
        assert!(admit(&gate, "2001:db8::ffff").is_none());
        assert!(admit(&gate, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn who_has_waited_longest_makes_room_for_a_newcomer() {
        let (gate, millis) = gate();
        let tickets = full_house(&gate);
        millis.store(1_000, Ordering::Relaxed);
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
        let (gate, millis) = gate();
        let tickets = full_house(&gate);
        let busy: Vec<_> = tickets.iter().map(Ticket::busy).collect();
        millis.store(10_000, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_none());
        assert!(tickets.iter().all(|ticket| !ticket.leave.is_cancelled()));
        drop(busy);
        millis.store(10_250, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_some());
    }

    #[test]
    fn a_newcomer_has_the_time_to_ask_and_an_answer_the_time_to_be_sent() {
        let (gate, millis) = gate();
        let tickets = full_house(&gate);
        millis.store(249, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_none());
        for ticket in &tickets {
            drop(ticket.busy());
        }
        millis.store(498, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_none());
        assert!(tickets.iter().all(|ticket| !ticket.leave.is_cancelled()));
        millis.store(499, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_some());
    }

    #[tokio::test]
    async fn an_answer_that_is_not_sent_yet_is_no_waiting() {
        let (gate, millis) = gate();
        let tickets = full_house(&gate);
        let answers: Vec<_> = tickets
            .iter()
            .map(|ticket| ticket.busy().until_sent(Body::from("long")))
            .collect();
        assert_eq!(answers[0].size_hint().exact(), Some(4));
        millis.store(10_000, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_none());
        for answer in answers {
            assert_eq!(axum::body::to_bytes(answer, 10).await.unwrap(), "long");
        }
        millis.store(10_250, Ordering::Relaxed);
        assert!(admit(&gate, "127.0.0.1").is_some());
    }

    #[tokio::test]
    async fn who_finds_no_room_is_let_in_when_somebody_leaves() {
        let (gate, _) = gate();
        let mut tickets = full_house(&gate);
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter([127, 0, 0, 1].into(), LONG).await.is_some() }
        });
        while gate.seats().queue.is_empty() {
            tokio::task::yield_now().await;
        }
        drop(tickets.pop());
        assert!(waiting.await.unwrap());
        assert!(gate.seats().queue.is_empty());
    }

    #[tokio::test]
    async fn the_queue_has_an_end() {
        let (gate, _) = gate();
        let _tickets = full_house(&gate);
        let here = IpAddr::from([192, 0, 2, 1]);
        let mut places: Vec<_> = (0..QUEUE_PER_ADDRESS_MAX)
            .map(|_| gate.queue(here).unwrap())
            .collect();
        // Without waiting: this address has its share of the queue.
        assert!(gate.enter(here, LONG).await.is_none());
        let loopback = IpAddr::from([127, 0, 0, 1]);
        places.extend((places.len()..QUEUE_MAX).map(|_| gate.queue(loopback).unwrap()));
        assert!(gate.enter(loopback, LONG).await.is_none());
        drop(places);
        assert!(gate.queue(here).is_some());
    }

    #[test]
    fn a_seat_is_free_again_when_the_connection_ends() {
        let (gate, _) = gate();
        for _ in 0..3 * CONNECTIONS_MAX {
            let ticket = admit(&gate, "192.0.2.1").unwrap();
            let _busy = ticket.busy();
        }
        assert!(gate.seats().taken.is_empty());
    }
}
