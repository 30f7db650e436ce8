//! Execution, event by event: jobs go through their activities, wait for what they need, and the clock jumps from event to event.
//!
//! The engine knows nothing of plans. A job is a list of [`Activity`]s; a resource serves one job at a time, those that wait in
//! the order of their asking (ties by job). It is deterministic: events are ordered by time and then by when they were made.
//!
//! [`line`] makes jobs of a line of stages, which [`Problem`](crate::Problem) values by a formula; [`training`] of the passes that
//! AMP's formula is about; [`Flow`] of stages that compute and send over a link in turn, which no formula values exactly.
//!
//! Who comes first is served first, so a job that is faster may come in the way of another, and the whole may then take longer (R. L. Graham,
//! Bounds on multiprocessing timing anomalies, 1969). [`replay`] keeps the [`Order`] of a run instead: nothing is then slower when something
//! takes a shorter time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use serde::Serialize;

use crate::problem::Links;
use crate::time::Picoseconds;

/// What a job does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Waits for a resource, and occupies it for a time.
    Use(usize, Picoseconds),
    /// Lets time pass.
    Delay(Picoseconds),
    /// Waits for one of the places of a room, and takes it.
    Enter(usize),
    /// Gives its place in a room back.
    Leave(usize),
    /// Waits until all jobs have come here.
    Meet,
}

/// A time during which a job occupied a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Which resource.
    pub resource: usize,
    /// Which job.
    pub job: usize,
    /// When it began.
    pub begin: Picoseconds,
    /// When it ended.
    pub end: Picoseconds,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// When the last job was done.
    pub makespan: Picoseconds,
    /// When each job was done.
    pub done: Vec<Picoseconds>,
    /// Who occupied what, when, in the order of beginning.
    pub spans: Vec<Span>,
}

/// The order of a run: the job of each activity, as they were begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order(Vec<u32>);

impl Schedule {
    /// How long a resource was occupied.
    #[must_use]
    pub fn busy(&self, resource: usize) -> Picoseconds {
        self.spans.iter().filter(|span| span.resource == resource).map(|span| span.end - span.begin).sum()
    }
}

/// Jobs, and what they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The activities of each job.
    pub jobs: Vec<Vec<Activity>>,
    /// How many resources there are.
    pub resources: usize,
    /// How many places each room has.
    pub rooms: Vec<usize>,
}

/// A run under way.
struct Run<'a> {
    execution: &'a Execution,
    clock: Picoseconds,
    events: BinaryHeap<Reverse<(Picoseconds, u64, usize)>>,
    made: u64,
    next: Vec<usize>,
    /// What a job occupies until its event.
    occupied: Vec<Option<usize>>,
    holders: Vec<Option<usize>>,
    queues: Vec<VecDeque<(usize, Picoseconds)>>,
    places: Vec<usize>,
    doors: Vec<VecDeque<usize>>,
    met: Vec<usize>,
    schedule: Schedule,
    order: Order,
}

/// Runs all jobs to their end.
///
/// # Panics
/// If jobs name resources or rooms that are not there, or wait for each other for ever, which is a mistake of who made them.
#[must_use]
pub fn run(execution: &Execution) -> Schedule {
    run_in_order(execution).0
}

/// Runs all jobs to their end, and says in which order.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn run_in_order(execution: &Execution) -> (Schedule, Order) {
    let jobs = execution.jobs.len();
    let mut run = Run {
        execution,
        clock: Picoseconds::ZERO,
        events: BinaryHeap::new(),
        made: 0,
        next: vec![0; jobs],
        occupied: vec![None; jobs],
        holders: vec![None; execution.resources],
        queues: vec![VecDeque::new(); execution.resources],
        places: execution.rooms.clone(),
        doors: vec![VecDeque::new(); execution.rooms.len()],
        met: Vec::new(),
        schedule: Schedule { makespan: Picoseconds::ZERO, done: vec![Picoseconds::MAX; jobs], spans: Vec::new() },
        order: Order(Vec::with_capacity(execution.jobs.iter().map(Vec::len).sum())),
    };
    for job in 0..jobs {
        run.advance(job);
    }
    while let Some(Reverse((time, _, job))) = run.events.pop() {
        run.clock = time;
        if let Some(resource) = run.occupied[job].take() {
            run.holders[resource] = None;
            if let Some((waiting, duration)) = run.queues[resource].pop_front() {
                run.occupy(waiting, resource, duration);
            }
        }
        run.advance(job);
    }
    assert!(run.schedule.done.iter().all(|&time| time < Picoseconds::MAX), "jobs wait for each other for ever");
    run.schedule.makespan = run.schedule.done.iter().copied().max().unwrap_or_default();
    (run.schedule, run.order)
}

impl Run<'_> {
    fn wake_after(&mut self, job: usize, duration: Picoseconds) {
        self.events.push(Reverse((self.clock + duration, self.made, job)));
        self.made += 1;
    }

    fn begun(&mut self, job: usize) {
        self.order.0.push(u32::try_from(job).expect("jobs fit memory, and each has activities"));
    }

    fn occupy(&mut self, job: usize, resource: usize, duration: Picoseconds) {
        self.begun(job);
        self.holders[resource] = Some(job);
        self.occupied[job] = Some(resource);
        self.schedule.spans.push(Span { resource, job, begin: self.clock, end: self.clock + duration });
        self.wake_after(job, duration);
    }

    /// Carries a job on until it has to wait.
    fn advance(&mut self, job: usize) {
        // Jobs that this one lets in or that met it go on after it, in the order of their asking.
        let mut ready = VecDeque::from([job]);
        while let Some(job) = ready.pop_front() {
            self.carry_on(job, &mut ready);
        }
    }

    fn carry_on(&mut self, job: usize, ready: &mut VecDeque<usize>) {
        while let Some(&activity) = self.execution.jobs[job].get(self.next[job]) {
            self.next[job] += 1;
            match activity {
                Activity::Use(resource, duration) => {
                    if self.holders[resource].is_none() && self.queues[resource].is_empty() {
                        self.occupy(job, resource, duration);
                    } else {
                        self.queues[resource].push_back((job, duration));
                    }
                    return;
                }
                Activity::Delay(duration) => {
                    self.begun(job);
                    return self.wake_after(job, duration);
                }
                Activity::Enter(room) => {
                    if self.places[room] == 0 {
                        self.doors[room].push_back(job);
                        return;
                    }
                    self.places[room] -= 1;
                    self.begun(job);
                }
                Activity::Leave(room) => {
                    self.begun(job);
                    match self.doors[room].pop_front() {
                        Some(waiting) => {
                            self.begun(waiting);
                            ready.push_back(waiting);
                        }
                        None => self.places[room] += 1,
                    }
                }
                Activity::Meet => {
                    self.begun(job);
                    if self.met.len() + 1 < self.execution.jobs.len() {
                        self.met.push(job);
                        return;
                    }
                    ready.extend(std::mem::take(&mut self.met));
                }
            }
        }
        self.schedule.done[job] = self.clock;
    }
}

/// Goes through the activities in a given order: each resource serves its jobs in this order, and waits for the one whose turn it is; the
/// places of a room are taken in the order in which they were given back. What takes no time waits for no resource.
///
/// Every time is a maximum of sums of durations, over the same terms whatever the durations are (and fewer where one is zero), so that no
/// time grows when durations shrink. On the execution that the order comes from, nothing is done later than it was.
///
/// # Panics
/// If the order is of an execution with other activities, apart from how long they take.
#[must_use]
pub fn replay(execution: &Execution, order: &Order) -> Schedule {
    let jobs = execution.jobs.len();
    let mut clocks = vec![Picoseconds::ZERO; jobs];
    let mut next = vec![0; jobs];
    let mut free = vec![Picoseconds::ZERO; execution.resources];
    let mut places: Vec<VecDeque<Picoseconds>> =
        execution.rooms.iter().map(|&count| vec![Picoseconds::ZERO; count.min(jobs)].into()).collect();
    let mut to_meet = jobs;
    let mut spans = Vec::new();
    for &job in &order.0 {
        let job = job as usize;
        let activity = execution.jobs[job][next[job]];
        next[job] += 1;
        let clock = &mut clocks[job];
        match activity {
            Activity::Use(_, Picoseconds::ZERO) => {}
            Activity::Use(resource, duration) => {
                let begin = free[resource].max(*clock);
                let end = begin + duration;
                spans.push(Span { resource, job, begin, end });
                (free[resource], *clock) = (end, end);
            }
            Activity::Delay(duration) => *clock += duration,
            Activity::Enter(room) => {
                let given_back = places[room].pop_front().expect("the order gives places back before it takes them");
                *clock = given_back.max(*clock);
            }
            Activity::Leave(room) => places[room].push_back(*clock),
            Activity::Meet => {
                to_meet -= 1;
                if to_meet == 0 {
                    let last = clocks.iter().copied().max().unwrap_or_default();
                    clocks.fill(last);
                    to_meet = jobs;
                }
            }
        }
    }
    assert!(next.iter().zip(&execution.jobs).all(|(&next, job)| next == job.len()), "the order is of something else");
    spans.sort_by_key(|span| span.begin);
    Schedule { makespan: clocks.iter().copied().max().unwrap_or_default(), done: clocks, spans }
}

/// A line of stages: resource i is stage i, and with exclusive links resource `stages + i` the link from stage i to the next.
#[must_use]
pub fn line(stages: &[Picoseconds], handovers: &[Picoseconds], links: Links, micro_batches: usize) -> Execution {
    let count = stages.len();
    let job: Vec<Activity> = (0..count)
        .flat_map(|stage| {
            let work = Activity::Use(stage, stages[stage]);
            let handover = handovers.get(stage).filter(|_| stage + 1 < count).map(|&time| match links {
                Links::Delay => Activity::Delay(time),
                Links::Exclusive => Activity::Use(count + stage, time),
            });
            std::iter::once(work).chain(handover)
        })
        .collect();
    Execution { jobs: vec![job; micro_batches], resources: 2 * count, rooms: Vec::new() }
}

/// Training in the order of GPipe: every micro-batch forward through the stages, then, when the last has arrived, every one
/// backward, at twice the time. Hand-overs are pure delays, and forward only, as in AMP's cost model.
#[must_use]
pub fn training(forward: &[Picoseconds], handovers: &[Picoseconds], micro_batches: usize) -> Execution {
    let mut execution = line(forward, handovers, Links::Delay, 1);
    execution.jobs[0].push(Activity::Meet);
    execution.jobs[0].extend(forward.iter().enumerate().rev().map(|(stage, &time)| Activity::Use(stage, time * 2)));
    execution.jobs = vec![execution.jobs[0].clone(); micro_batches];
    execution
}

/// A step of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The stage's own machines compute.
    Compute(Picoseconds),
    /// The link between the parties is busy.
    Send(Picoseconds),
    /// Bits are under way, and nothing is busy.
    Latency(Picoseconds),
}

impl Step {
    /// How long it takes.
    #[must_use]
    pub fn time(self) -> Picoseconds {
        match self {
            Self::Compute(time) | Self::Send(time) | Self::Latency(time) => time,
        }
    }
}

/// Stages that compute and send in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The steps of each stage, for one micro-batch.
    pub stages: Vec<Vec<Step>>,
    /// From each stage to the next: a delay.
    pub handovers: Vec<Picoseconds>,
    /// Micro-batches.
    pub micro_batches: usize,
    /// How many micro-batches a stage works on at a time.
    pub in_flight: usize,
    /// Whether all stages send over one link. Otherwise each has its own.
    pub shared_link: bool,
}

impl Flow {
    /// The jobs: resource i is the machines of stage i, resource `stages + i` its link, or `stages` the one link of all.
    #[must_use]
    pub fn execution(&self) -> Execution {
        let count = self.stages.len();
        let mut job = Vec::new();
        for (stage, steps) in self.stages.iter().enumerate() {
            let link = if self.shared_link { count } else { count + stage };
            job.push(Activity::Enter(stage));
            job.extend(steps.iter().map(|step| match *step {
                Step::Compute(time) => Activity::Use(stage, time),
                Step::Send(time) => Activity::Use(link, time),
                Step::Latency(time) => Activity::Delay(time),
            }));
            job.push(Activity::Leave(stage));
            if let Some(&time) = self.handovers.get(stage).filter(|_| stage + 1 < count) {
                job.push(Activity::Delay(time));
            }
        }
        Execution { jobs: vec![job; self.micro_batches], resources: 2 * count, rooms: vec![self.in_flight; count] }
    }

    /// A time that no order of the events beats: one micro-batch alone; and for each machine and link, all that it has to do.
    /// With one micro-batch in flight at each stage, that stage cannot begin the next before it is done with one, which is the
    /// formula of a line of stages.
    #[must_use]
    pub fn lower_bound(&self) -> Picoseconds {
        let count = self.micro_batches as u64;
        let stages: Vec<Picoseconds> =
            self.stages.iter().map(|steps| steps.iter().map(|step| step.time()).sum()).collect();
        let alone: Picoseconds =
            stages.iter().chain(self.handovers.iter().take(stages.len().saturating_sub(1))).copied().sum();
        let busiest = |kind: fn(&Step) -> Picoseconds| {
            self.stages.iter().map(move |steps| steps.iter().map(kind).sum::<Picoseconds>())
        };
        let compute = |step: &Step| match *step {
            Step::Compute(time) => time,
            Step::Send(_) | Step::Latency(_) => Picoseconds::ZERO,
        };
        let send = |step: &Step| match *step {
            Step::Send(time) => time,
            Step::Compute(_) | Step::Latency(_) => Picoseconds::ZERO,
        };
        let link = if self.shared_link { busiest(send).sum() } else { busiest(send).max().unwrap_or_default() };
        let machine = busiest(compute).max().unwrap_or_default();
        let longest = stages.iter().copied().max().unwrap_or_default();
        let in_flight = self.in_flight.max(1) as u64;
        // With J in flight at a stage, every J-th micro-batch waits for the one J before it to leave.
        let turns = count.div_ceil(in_flight).saturating_sub(1);
        alone.max(alone + longest * turns).max(machine * count).max(link * count)
    }
}
