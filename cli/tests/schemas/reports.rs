//! Every report: its schema, its type, and cheap commands that print it.

/// A report of the command line.
pub(crate) struct Report {
    /// Name of its schema, without `.json`.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) is: &'static str,
    /// Its type.
    pub(crate) of: &'static str,
    /// Commands that print it, run one after another in a folder with the files of `folder`; none where the network is needed.
    pub(crate) commands: &'static [&'static str],
}

/// Makes a row of the table.
const fn report(name: &'static str, is: &'static str, of: &'static str, commands: &'static [&'static str]) -> Report {
    Report { name, is, of, commands }
}

/// The report of commands that are not carried out.
pub(crate) const REFUSAL: &str = "error";

/// All of them.
pub(crate) const REPORTS: [Report; 32] = [
    report(
        REFUSAL,
        "why a command was not carried out: the last line of standard error",
        "cli::screen::Refusal",
        &["list gelu/none", "cost bert-base --sek 8", "plan bert-base --error 0", "infer --model nowhere --text words"],
    ),
    report(
        "bench",
        "viewless bench: how fast this build is on this machine",
        "workbench::bench::Benchmark",
        &["bench --only proving,counting --runs 1"],
    ),
    report(
        "calibrate",
        "viewless calibrate: a suite that is fitted to a model",
        "workbench::sites::calibration::Calibration",
        &["calibrate --model bert --text-file texts --out fitted.toml"],
    ),
    report("list", "viewless list: what there is", "cli::commands::list::Everything", &["list"]),
    report(
        "list-name",
        "viewless list NAME: all about one protocol, suite, model or network",
        "cli::commands::list::Entry",
        &["list gelu/bolt", "list softmax/crypten", "list faithful", "list bert-base", "list vit-base", "list lan"],
    ),
    report(
        "list-model",
        "viewless list --model DIR: what of a model directory is read",
        "models::closed_list::Inventory",
        &["list --model bert", "list --model gpt2"],
    ),
    report(
        "evaluate",
        "viewless evaluate: a model on labelled rows, privately and in plaintext",
        "workbench::evaluation::report::EvaluationReport",
        &[
            "evaluate --model classifier --data rows.tsv --suite faithful,mpcformer --accept-other-functions",
            "evaluate --model classifier --data rows.tsv --rows 1",
            "evaluate --model bert --data pairs.tsv",
        ],
    ),
    report(
        "evaluate-pictures",
        "viewless evaluate on an autoencoder: images privately and in plaintext",
        "workbench::pictures::evaluation::PictureEvaluation",
        &["evaluate --model autoencoder --data images --suite faithful,puma --rows 3"],
    ),
    report("fetch", "viewless fetch: where a model or data lie", "cli::commands::fetch::Fetched", &[]),
    report(
        "infer",
        "viewless infer: a private inference beside plaintext",
        "workbench::inference::InferenceReport",
        &[
            "infer --model bert --text words --suite puma",
            "infer --model bert --text words --suite mpcformer --accept-other-functions",
            "infer --model classifier --text words",
            "infer --model classifier --text words --text-pair more",
            "infer --model bert --text a --certify --suite mpcformer --accept-other-functions",
            "infer --model gpt2 --text words",
            "infer --model vit --image picture.png",
        ],
    ),
    report(
        "infer-picture",
        "viewless infer --image on an autoencoder: a private reconstruction beside plaintext",
        "workbench::pictures::PictureReport",
        &[
            "infer --model autoencoder --image picture.png --picture three.png",
            "infer --model autoencoder --image picture.png --suite crypten --fast",
        ],
    ),
    report(
        "sample",
        "viewless sample: images drawn privately from an autoencoder",
        "workbench::pictures::PictureReport",
        &["sample --model autoencoder --images 2 --suite puma --picture samples.png"],
    ),
    report(
        "cost",
        "viewless cost: the bill, from shapes alone",
        "workbench::bill::CostReport",
        &[
            "cost tanh/sine --seq 4",
            "cost bert-base --seq 8 --suite puma --network wan",
            "cost bert-base --seq 8 --suite crypten --schedule as-written",
            "cost vit-base --by layer",
            "cost autoencoder --rewrite off",
        ],
    ),
    report(
        "compare-suites",
        "viewless compare MODEL: suites side by side",
        "workbench::comparison::SuiteComparison",
        &[
            "compare tanh/sine --seq 4",
            "compare bert-base --seq 8 --suites faithful,mpcformer,client-server",
            "compare bert-base --seq 128 --suites frontier --with published",
        ],
    ),
    report(
        "compare-protocols",
        "viewless compare FUNCTION: protocols side by side",
        "workbench::variants::VariantComparison",
        &["compare tanh --seq 4", "compare softmax --seq 4", "compare gelu/bolt --with bad.protocol --seq 4"],
    ),
    report(
        "report",
        "viewless report: everything about one model",
        "workbench::model_report::ModelReport",
        &[
            "report bert-base --seq 8",
            "report bert --suite mpcformer --seq 8",
            "report bert --text-file texts --seq 8",
            "report bert --text-file texts --suite crypten --seq 8",
        ],
    ),
    report(
        "reproduce",
        "viewless reproduce: a published table, each cell beside the count",
        "published::reproduction::Reproduction",
        &["reproduce secformer-table1", "reproduce mpcformer-table1"],
    ),
    report(
        "new",
        "viewless new: a first protocol file",
        "cli::commands::new::Written",
        &["new gelu/mine --poly --degree 3"],
    ),
    report(
        "audit-protocol",
        "viewless audit PROTOCOL: certified and observed error over every input or every row",
        "cli::commands::audit::Page",
        &[
            "audit tanh/sine --samples 64",
            "audit exp/limit --samples 64 --suite crypten",
            "audit softmax/fourier --row 4",
            "audit softmax/crypten --row 4",
            "audit max/tree --row 4",
            "audit layernorm/normalized --row 4",
            "audit bad.protocol --samples 64",
            "audit rows.protocol --row 4",
        ],
    ),
    report(
        "audit-model",
        "viewless audit MODEL: how often an inference fails outright",
        "workbench::failures::FailuresReport",
        &["audit bert-base --seq 8", "audit bert --text words --suite crypten"],
    ),
    report(
        "audit-sites",
        "viewless audit --model DIR --text-file FILE: every site of a model on its own numbers",
        "workbench::sites::SitesReport",
        &["audit --model bert --text-file texts", "audit --model bert --text-file texts --suite secformer"],
    ),
    report(
        "assay",
        "viewless assay: all verdicts about a protocol",
        "workbench::assay::Assay",
        &["assay max/tree --seq 4 --runs 8", "assay rows.protocol --seq 4 --runs 8"],
    ),
    report(
        "prove",
        "viewless prove: what coalitions learn",
        "cli::commands::prove::Page",
        &[
            "prove exp/limit --seq 4 --certificate proof.json",
            "prove exp/limit --seq 2 --coalition all",
            "prove bert-base --seq 8 --suite puma",
            "prove autoencoder",
            "prove exp/limit --seq 4 --statistics --runs 8",
        ],
    ),
    report(
        "check",
        "viewless check: stored proofs verified again",
        "workbench::certificate::CheckReport",
        &[
            "check proof.json",
            "check proof.json --subject exp/limit --seq 4",
            "check proof.json --subject exp/limit --seq 5",
        ],
    ),
    report(
        "plan",
        "viewless plan: the fastest private deployment within an error budget",
        "workbench::plan::choose::Plan",
        &["plan distilbert --seq 8 --suite-space additive2,exact,carry --error 1"],
    ),
    report(
        "plan-measure",
        "viewless plan measure: how long this machine computes",
        "workbench::plan::measure::MachineFile",
        &["plan measure bert --seq 4 --suite-space additive2,exact,carry"],
    ),
    report(
        "plan-amp",
        "viewless plan amp: strategies of training",
        "planner::amp::report::Report",
        &[
            "plan amp --experiment het-cluster --as-coded",
            "plan amp --experiment homogeneous",
            "plan amp --experiment het-model --per-stage-speed",
            "plan amp --experiment homogeneous --cluster cluster.toml",
        ],
    ),
    report(
        "swarm",
        "viewless swarm: runs at random that cross-check everything",
        "tests::swarm::report::SwarmReport",
        &["swarm --runs 3 --seed 1 --results swarm.jsonl", "swarm --runs 4 --results swarm.jsonl", "swarm --replay 00"],
    ),
    report(
        "train",
        "viewless train: what a model has learnt",
        "cli::commands::train::Trained",
        &[
            "train --config recipe.toml --model classifier --out taught --steps 1",
            "train --config recipe.toml --model classifier --out taught --resume",
        ],
    ),
    report(
        "train-dc-vae",
        "viewless train dc-vae: what an autoencoder has learnt",
        "cli::commands::train::TrainedAutoencoder",
        &[
            "train dc-vae --config images.toml --data images --out learnt --steps 1",
            "train dc-vae --config images.toml --data images --out learnt --resume",
        ],
    ),
    report(
        "distill",
        "viewless distill: what a student has learnt",
        "cli::commands::train::Trained",
        &["distill --teacher taught --config recipe.toml --out student"],
    ),
    report(
        "dump",
        "viewless dump: a circuit, Program or protocol file",
        "cli::commands::dump::Dump",
        &[
            "dump gelu/cosine --form circuit --seq 4",
            "dump gelu/cosine --form program --seq 2",
            "dump max/tree --form circuit --seq 4",
            "dump gelu/bolt --form file --seq 4",
        ],
    ),
];
