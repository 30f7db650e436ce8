//! Files that describe who computes: clusters and parties.

use super::{MachineFile, Plan, PlanningError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use viewless_planner::cluster::Cluster;
use viewless_protocols::decimal;
use viewless_protocols::suite::Suite;
use viewless_simulator::text_file::{self, MOST_SETTINGS_BYTES};

/// Machines that each party has, and how its stages are linked. All parties have the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartiesFile {
    /// Machines of each party: at most so many stages.
    pub machines: usize,
    /// At most so many queries in flight at each stage.
    #[serde(default = "one")]
    pub most_in_flight: usize,
    /// Seconds that a machine computes for a layer, measured; zero leaves computation out.
    #[serde(default)]
    pub compute_seconds_per_layer: f64,
    /// Seconds for handing a query from one stage of a party to its next.
    #[serde(default)]
    pub handover_seconds: f64,
}

fn one() -> usize {
    1
}

impl Default for PartiesFile {
    fn default() -> Self {
        Self { machines: 1, most_in_flight: 16, compute_seconds_per_layer: 0.0, handover_seconds: 0.0 }
    }
}

/// The most machines and queries in flight that are searched.
const MOST: usize = 64;

/// Reads the description of the parties.
///
/// # Errors
/// A file that cannot be read or says something else; no machine; too many; times that are none.
pub fn read_parties(path: &Path) -> Result<PartiesFile, PlanningError> {
    let text = read(path)?;
    let refuse = |message: String| PlanningError::Parse { path: path.to_owned(), message };
    let parties: PartiesFile = toml::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    for (name, count) in [("machines", parties.machines), ("most-in-flight", parties.most_in_flight)] {
        if !(1..=MOST).contains(&count) {
            return Err(refuse(format!("{name} is a number from 1 to {MOST}, and not {count}")));
        }
    }
    for seconds in [parties.compute_seconds_per_layer, parties.handover_seconds] {
        if !(0.0..=1e5).contains(&seconds) {
            return Err(refuse(format!("a time is a number of seconds from 0 to 100000, and not {seconds}")));
        }
    }
    Ok(parties)
}

/// Reads the description of a cluster: `[[node]]` tables with `gpu`, `gpus`, `between-nodes-gigabits-per-second` and
/// `within-node-gigabits-per-second`, which may be `inf`.
///
/// # Errors
/// A file that cannot be read, or describes no cluster.
pub fn read_cluster(path: &Path) -> Result<Cluster, PlanningError> {
    toml::from_str(&read(path)?)
        .map_err(|error| PlanningError::Parse { path: path.to_owned(), message: error.to_string() })
}

/// Reads what a machine was measured to take.
///
/// # Errors
/// A file that cannot be read or says something else; a rate that is missing, or no time.
pub fn read_machine(path: &Path) -> Result<MachineFile, PlanningError> {
    let refuse = |message: String| PlanningError::Parse { path: path.to_owned(), message };
    let machine: MachineFile = toml::from_str(&read(path)?).map_err(|error| refuse(error.to_string()))?;
    let MachineFile { seq, batch, threads, .. } = machine;
    match [("seq", seq), ("batch", batch), ("threads", threads)].into_iter().find(|(_, count)| *count == 0) {
        Some((name, _)) => {
            Err(refuse(format!("{name} is a number of the runs that were measured, one or more, and not 0")))
        }
        None => Ok(machine),
    }
}

/// A measurement as a file that [`read_machine`] reads.
#[must_use]
pub fn machine_text(machine: &MachineFile) -> String {
    let mut text = format!(
        "# What one process takes that computes for all parties: runs of one layer.\nmodel = {}\nseq = {}\nbatch = {}\nthreads = {}\n",
        string(&machine.model),
        machine.seq,
        machine.batch,
        machine.threads
    );
    for (kind, rate) in BTreeMap::from(machine.rates) {
        let name = serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned));
        text += &format!(
            "\n[rates.{}]\nseconds-per-operation = {}\nseconds-per-unit = {}\n",
            name.unwrap_or_default(),
            decimal::exact(rate.seconds_per_operation),
            decimal::exact(rate.seconds_per_unit)
        );
    }
    text
}

fn read(path: &Path) -> Result<String, PlanningError> {
    text_file::read(path, MOST_SETTINGS_BYTES).map_err(|source| PlanningError::Read { path: path.to_owned(), source })
}

/// A key of TOML: bare where it can be.
fn key(name: &str) -> String {
    let is_bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare { name.to_owned() } else { string(name) }
}

/// A string of TOML.
fn string(text: &str) -> String {
    of_json(&text.into())
}

/// A string or number of JSON as TOML writes it: the same, but that no text has the control character U+007F as it is.
fn of_json(json: &serde_json::Value) -> String {
    json.to_string().replace('\u{7f}', "\\u007f")
}

/// A suite as a file that [`crate::named::suite`] reads, with the texts of its protocol files in it.
///
/// # Errors
/// A choice that has no name in a suite: a defect.
pub fn suite_text(suite: &Suite) -> Result<String, PlanningError> {
    let value = serde_json::to_value(suite).map_err(|error| PlanningError::Defect { reason: error.to_string() })?;
    let mut text = String::new();
    let Some(fields) = value.as_object() else {
        return Err(PlanningError::Defect { reason: "a suite is a table".to_owned() });
    };
    // Simple values come before tables.
    for (name, field) in fields.iter().filter(|(_, field)| !field.is_object()) {
        text += &format!("{name} = {}\n", of_json(field));
    }
    for (name, table) in fields.iter() {
        let Some(table) = table.as_object() else { continue };
        text += &format!("\n[{name}]\n");
        for (name, field) in table {
            text += &format!("{} = {}\n", key(name), of_json(field));
        }
    }
    Ok(text)
}

/// A deployment as a file.
#[must_use]
pub fn deployment_text(plan: &Plan) -> String {
    let stages: Vec<String> = plan.deployment.stages.iter().map(usize::to_string).collect();
    let order = plan.deployment.order_of.as_ref().map_or_else(String::new, |network| {
        format!("# Messages leave in the order in which they leave on this network, where who comes first is served first.\norder-of = {}\n", string(network))
    });
    let parts: Vec<String> = plan.deployment.parts.iter().map(|part| string(part)).collect();
    format!(
        "# Parts of {} that send, in their order; each stage of a party has the next so many of them.\n\
         suite = {}\nnetwork = {}\nparts = [{}]\nstages = [{}]\nqueries-in-flight-at-a-stage = {}\n",
        string(&plan.model),
        string(&plan.chosen.suite.name),
        string(plan.request.network.name()),
        parts.join(", "),
        stages.join(", "),
        plan.deployment.in_flight
    ) + &order
}

#[cfg(test)]
mod tests {
    use super::*;
    use viewless_simulator::work::{Kind, Rate, Rates};

    #[test]
    fn a_suite_that_is_written_is_read_back_as_it_was() {
        for name in Suite::names() {
            let suite = Suite::built_in(name).unwrap();
            assert_eq!(Suite::parse(name, &suite_text(&suite).unwrap()), Ok(suite));
        }
        let mut suite = Suite::built_in("faithful").unwrap();
        suite.name = "of \"quotes\" and \\".to_owned();
        suite.protocols.insert(viewless_protocols::nonlinear::Function::GELU, "a \"b\"/c.protocol".to_owned());
        let text = "protocol gelu/mine\n# \t\"\\\u{7f}\u{1} quoted\n".to_owned();
        suite.protocol_files.insert("a \"b\"/c.protocol".to_owned(), text);
        assert_eq!(Suite::parse("test", &suite_text(&suite).unwrap()), Ok(suite));
    }

    fn rates() -> Rates {
        let rate = Rate { seconds_per_operation: 1e-6, seconds_per_unit: 1e-9 };
        Kind::ALL.into_iter().map(|kind| (kind, rate)).collect::<BTreeMap<_, _>>().try_into().unwrap()
    }

    #[test]
    fn parties_without_machines_and_clusters_without_nodes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = folder.path().join("file.toml");
            std::fs::write(&path, text).unwrap();
            path
        };
        assert_eq!(read_parties(&file("machines = 3")).unwrap().machines, 3);
        assert!(
            read_parties(&file("machines = 0")).unwrap_err().to_string().contains("machines is a number from 1 to 64")
        );
        let none = read_parties(&file("machines = 1\nmost-in-flight = 65")).unwrap_err().to_string();
        assert!(none.contains("most-in-flight is a number from 1 to 64, and not 65"), "{none}");
        assert!(read_parties(&file("machines = 1\ncompute-seconds-per-layer = -1.0")).is_err());
        assert!(read_parties(&file("machine = 1")).unwrap_err().to_string().contains("machine"));
        assert!(read_cluster(&file("")).unwrap_err().to_string().contains("cluster is empty"));
        let node = "[[node]]\ngpu = \"T4\"\ngpus = 4\nwithin-node-gigabits-per-second = inf\nbetween-nodes-gigabits-per-second = ";
        assert_eq!(read_cluster(&file(&format!("{node}50.0"))).unwrap().gpus(), 4);
        assert!(
            read_cluster(&file(&format!("{node}0.0"))).unwrap_err().to_string().contains("a bandwidth of 0.0 Gbit/s")
        );
        let other_manner =
            read_cluster(&file(&format!("{node}50.0").replace("within-node", "within_node"))).unwrap_err().to_string();
        assert!(other_manner.contains("`within-node-gigabits-per-second`"), "{other_manner}");
        let other_manner = read_parties(&file("machines = 1\nmost_in_flight = 2")).unwrap_err().to_string();
        assert!(other_manner.contains("`most-in-flight`"), "{other_manner}");
        let machine = MachineFile { model: "m".to_owned(), seq: 0, batch: 1, threads: 2, rates: rates() };
        let none = read_machine(&file(&machine_text(&machine))).unwrap_err().to_string();
        assert!(none.contains("seq is a number of the runs that were measured, one or more, and not 0"), "{none}");
        let machine = MachineFile { seq: 8, ..machine };
        assert_eq!(read_machine(&file(&machine_text(&machine))).unwrap(), machine);
        assert!(read_cluster(&folder.path().join("none.toml")).unwrap_err().to_string().contains("none.toml"));
    }
}
