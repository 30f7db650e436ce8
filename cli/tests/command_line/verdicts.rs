//! Proofs, certificates, audits, sites, failures and statistics.

use super::{array, bytes, json, model, refusal, success, text, text_of, viewless};
use serde_json::Value;
use std::fs;
use viewless_models::synthetic::small_config;
use viewless_protocols::suite::Suite;

#[test]
fn every_suite_is_proved_for_every_promised_coalition_and_its_certificates_check() {
    let folder = tempfile::tempdir().unwrap();
    for suite in Suite::names() {
        let file = folder.path().join(format!("{suite}.json"));
        let file = file.to_str().unwrap();
        let proof = json(&["prove", "bert-base", "--suite", suite, "--seq", "128", "--certificate", file]);
        assert!(array(&proof, "coalitions").iter().all(|coalition| coalition["verdict"] == "proved"), "{suite}");
        // Every single party; under `client-server` client and model owner are two of those that compute.
        let parties = if suite == "client-server" { 3 } else { 5 };
        assert_eq!(array(&proof, "coalitions").len(), parties, "{suite}");
        let check = json(&["check", file, "--subject", "bert-base", "--suite", suite, "--seq", "128"]);
        assert_eq!((&check["digest"], &check["stated_by_user"]), (&proof["digest"], &true.into()));
        assert!(array(&check, "coalitions").iter().all(|coalition| coalition["valid"] == true), "{suite}");
    }
}

#[test]
fn two_computing_parties_together_learn_everything_and_the_verdict_says_where() {
    let output = viewless(&["prove", "gelu/cosine", "--seq", "2", "--coalition", "P0,P1", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let coalition = &report["coalitions"][0];
    assert_eq!((coalition["verdict"].as_str(), coalition["promised"].as_bool()), (Some("undecided"), Some(false)));
    assert!(array(coalition, "offending").iter().all(|one| one["region"].is_string() && one["why"].is_string()));
    assert!(!array(coalition, "offending").is_empty());
}

#[test]
fn forged_certificates_and_strange_coalitions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.json");
    let path = file.to_str().unwrap();
    success(&["prove", "exp/limit", "--seq", "4", "--certificate", path]);
    // A proof of four elements proves nothing of five, and not with its steps in another order.
    let stored: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let refused = |forged: &Value| {
        fs::write(&file, forged.to_string()).unwrap();
        let output = viewless(&["check", path]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let mut longer = stored.clone();
    longer["seq"] = 5.into();
    assert!(refused(&longer).contains("is about the Program"));
    let mut reversed = stored.clone();
    for claim in reversed["coalitions"].as_array_mut().unwrap() {
        claim["certificate"]["steps"].as_array_mut().unwrap().reverse();
    }
    assert!(refused(&reversed).contains("step"));
    // What the file says of itself is said to be the file's, and a built-in suite's name is not lent to other contents.
    let mut renamed = stored.clone();
    renamed["suite"]["name"] = "secformer".into();
    fs::write(&file, renamed.to_string()).unwrap();
    let own_words = success(&["check", path]);
    assert!(own_words.contains("as stated by the file") && own_words.contains("not the built-in suite of that name"));
    assert_eq!(viewless(&["check", path, "--subject", "exp/limit", "--seq", "4"]).status.code(), Some(0));
    assert_eq!(viewless(&["check", path, "--subject", "exp/limit", "--seq", "5"]).status.code(), Some(1));
    // What stands beside a certificate may not claim more than it.
    let mut boasting = stored.clone();
    boasting["coalitions"][0]["simulator"] = "jointly-with-outputs".into();
    assert!(refused(&boasting).contains("otherwise than its certificate shows: which claim is proved"));
    // A promised coalition that is not there.
    let mut fewer = stored.clone();
    fewer["coalitions"].as_array_mut().unwrap().retain(|claim| claim["parties"][0] == "Dealer");
    assert!(refused(&fewer).contains("the file says nothing of it"));
    fs::write(&file, "{}").unwrap();
    assert!(refusal(&["check", path]).contains("proof.json"));
    assert!(refusal(&["check", "/no/such/file"]).contains("/no/such/file"));
    assert!(refusal(&["prove", "exp/limit", "--coalition", "P7"]).contains("P7"));
    assert!(refusal(&["prove", "exp/limit", "--coalition", "P2"]).contains("P2"));
    assert!(
        refusal(&["prove", "exp/limit", "--certificate", "/no/such/folder/proof.json"]).contains("/no/such/folder")
    );
}

#[test]
fn what_is_said_first_is_no_more_than_was_shown() {
    let in_a_line = |page: &str| page.split("\n\n").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    // A bound is written rounded up: 2.0e-2 would be less than what runs show.
    let audit = in_a_line(&success(&["audit", "gelu/puma", "--samples", "20000"]));
    assert!(audit.contains("errs by more than 2.1e-2,"), "{audit}");
    assert!(json(&["audit", "gelu/puma", "--samples", "20000"])["observed_max_error"].as_f64() > Some(0.020));
    // One party's view says nothing of the others.
    let one = in_a_line(&success(&["prove", "gelu/puma", "--seq", "1", "--coalition", "dealer"]));
    assert!(one.starts_with("Of gelu/puma,") && !one.contains("is private"), "{one}");
    assert!(one.contains("nothing is said, about P0, P1, client"), "{one}");
    // Of a message that no rule covers it is said what enters it, and not that it tells something.
    let both = text_of(&viewless(&["prove", "gelu/puma", "--seq", "2", "--coalition", "P0,P1"]));
    assert!(
        both.contains("is not known") && both.contains("enters it") && !both.contains("so that it tells"),
        "{both}"
    );
    // The weaker claim of the client stands in the first sentence of every page.
    let assay = in_a_line(&success(&["assay", "gelu/puma", "--seq", "2", "--runs", "4"]));
    assert!(
        assay.contains("to client nothing that these and its own samples") && !assay.contains("no party"),
        "{assay}"
    );
}

#[test]
fn an_audit_certifies_what_runs_show_and_draws_it() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("error.svg");
    let plot = plot.to_str().unwrap();
    let report = json(&["audit", "gelu/cosine", "--domain", "-1:1", "--suite", "secformer", "--plot", plot]);
    let number = |field: &str| report[field].as_f64().unwrap();
    assert!(number("observed_max_error") <= number("certified_max_error"));
    assert_eq!((report["verdict"].as_str(), report["exhaustive"].as_bool()), (Some("holds"), Some(true)));
    assert!(fs::read_to_string(plot).unwrap().starts_with("<svg"));
    let picture = folder.path().join("error.png");
    let picture = picture.to_str().unwrap();
    success(&["audit", "gelu/cosine", "--domain", "-1:1", "--samples", "4096", "--plot", picture]);
    assert!(fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    for (arguments, names) in [
        (["--domain", "1:-1"], "1:-1"),
        (["--domain", "0:1e30"], "2^31"),
        (["--domain", "1e-7:2e-7"], "no number with 16 fraction bits"),
        (["--domain", "middle"], "LO:HI"),
        (["--plot", "/no/such/folder/error.svg"], "/no/such/folder"),
        (["--plot", "error.gif"], "ends in .svg or .png"),
        (["--plot", "/proc/error.png"], "/proc/error.png"),
    ] {
        let sentence = refusal(&[&["audit", "gelu/cosine"][..], &arguments].concat());
        assert!(sentence.contains(names), "{sentence}");
    }
    assert!(refusal(&["audit", "gelu/none"]).contains("gelu/none"));
    // A claim about the reals that does not hold beyond the card's domain.
    let beyond = viewless(&["audit", "gelu/quad", "--domain", "-12:12", "--samples", "4096", "--json"]);
    assert_eq!(beyond.status.code(), Some(1), "{}", text(&beyond.stderr));
    let beyond: Value = serde_json::from_slice(&beyond.stdout).unwrap();
    assert_eq!((&beyond["verdict"], &beyond["findings"][0]["check"]), (&"exceeds".into(), &"claimed-error".into()));
}

#[test]
fn the_sites_of_a_model_are_judged_on_its_own_numbers() {
    let folder = model(&small_config());
    let texts = folder.path().join("texts.txt");
    fs::write(&texts, "the cat sat\n\nthe dog\n").unwrap();
    let (directory, texts) = (folder.path().to_str().unwrap(), texts.to_str().unwrap());
    let report = json(&["audit", "--model", directory, "--text-file", texts]);
    // Two layers, four sites in each, and the embeddings' normalisation.
    assert_eq!((array(&report, "sites").len(), report["texts"].as_u64()), (9, Some(2)));
    assert!(array(&report, "sites").iter().all(|site| site["outside"] == 0), "{report}");
    assert_eq!((array(&report["private"], "sites").len(), report["private"]["texts"].as_u64()), (9, Some(2)));
    assert!(report["private"].get("first_divergence").is_none());
    assert!(
        json(&["audit", "--model", directory, "--text-file", texts, "--private-texts", "0"]).get("private").is_none()
    );
    let suite = folder.path().join("undeflated.toml");
    fs::write(
        &suite,
        include_str!("../../../protocols/src/suites/secformer.toml")
            .replace("softmax/2quad", "softmax/2quad-code")
            .replace("name = \"secformer\"", "name = \"own\""),
    )
    .unwrap();
    let diverging =
        ["audit", "--model", directory, "--text-file", texts, "--suite", suite.to_str().expect("a plain name")];
    let output = viewless(&diverging);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("diverges first at layer.0/softmax (region layer.0/softmax/softmax/2quad-code)")
    );
    assert!(refusal(&["audit"]).contains("PROTOCOL"));
    assert!(refusal(&["audit", "--model", directory]).contains("--text-file"));
    fs::write(texts, "\n").unwrap();
    assert!(refusal(&["audit", "--model", directory, "--text-file", texts]).contains("no text"));
}

#[test]
fn the_failures_of_a_model_are_summed_under_every_suite_and_a_run_sums_them_over_its_own_numbers() {
    let output = viewless(&["audit", "bert-base", "--seq", "8", "--json"]);
    assert_eq!(output.status.code(), Some(1), "suites with local truncation are not safe: {}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(array(&report, "suites").len(), Suite::names().count());
    for suite in array(&report, "suites") {
        assert_eq!(suite["safe"], suite["truncation"] != "local", "{suite}");
        assert_eq!(suite["exact"]["expected_corrupted"], 0.0);
        assert!(suite["local"]["expected_corrupted"].as_f64().unwrap() > 0.0);
        assert!(bytes(&suite["exact"]["price"]["bytes_online"]) > bytes(&suite["local"]["price"]["bytes_online"]));
    }
    success(&["audit", "bert-base", "--seq", "8", "--suite", "faithful"]);
    success(&["audit", "bert-base", "--seq", "8", "--suite", "secformer", "--failure-limit", "1"]);
    let folder = model(&small_config());
    let directory = folder.path().to_str().unwrap();
    let report = json(&["audit", directory, "--text", "the cat sat", "--suite", "secformer", "--failure-limit", "1"]);
    let local = &report["suites"][0]["local"];
    assert!(local["functions"].as_array().unwrap().iter().all(|function| function["corrupted"].is_u64()));
    assert!(report.get("assumed_magnitude").is_none() && bytes(&local["truncated"]) > 1000);
    for (arguments, names) in [
        (["--failure-limit", "2"], "from 0 to 1"),
        (["--seq", "0"], "--seq"),
        (["--seq", "513"], "1 to 512"),
        (["--suite", "none"], "faithful"),
    ] {
        let sentence = refusal(&[&["audit", "bert-base"][..], &arguments].concat());
        assert!(sentence.contains(names), "{sentence}");
    }
    assert!(refusal(&["audit", "bert-base", "--text", "x"]).contains("bert-base"));
}

#[test]
fn an_assay_has_every_verdict_on_one_page() {
    let page = success(&["assay", "tanh/sine", "--seq", "4", "--runs", "16"]);
    assert!(
        ["CARD", "RIGHT", "PRIVATE", "STATISTICS", "CHEAP"]
            .iter()
            .all(|section| page.contains(&format!("== {section} ==")))
    );
    let assay = json(&["assay", "softmax/exp", "--seq", "8", "--runs", "1"]);
    assert_eq!(assay["statistics"]["coalitions"][0]["verdict"], "no evidence");
    assert_eq!(assay["right"]["verdict"], "holds");
    assert_eq!(assay["private"]["coalitions"][0]["verdict"], "proved");
    assert!(bytes(&assay["cheap"]["phases"]["online"]["bytes_total"]) > 0);
    assert!(refusal(&["assay", "bert-base"]).contains("a protocol is needed"));
}

#[test]
fn statistics_stand_beside_the_proof_and_show_two_parties_together() {
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("views.svg");
    let plot = plot.to_str().unwrap();
    let alone = ["prove", "gelu/quad", "--seq", "2", "--statistics", "--runs", "40"];
    let report = json(&[&alone[..], &["--plot", plot]].concat());
    let statistics = &report["statistics"];
    assert_eq!((bytes(&statistics["runs"]), bytes(&statistics["seed"])), (40, 0));
    for coalition in array(statistics, "coalitions") {
        assert_eq!(coalition["verdict"], "no evidence", "{coalition}");
    }
    let picture = fs::read_to_string(plot).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("no evidence of leakage"));
    let page = success(&alone);
    assert!(page.contains("no evidence") && page.contains("found with 99 %"), "{page}");

    let together = viewless(&[&alone[..], &["--coalition", "P0,P1", "--json"]].concat());
    assert_eq!(together.status.code(), Some(1), "{}", text(&together.stderr));
    let together: Value = serde_json::from_slice(&together.stdout).unwrap();
    assert_eq!(together["statistics"]["coalitions"][0]["verdict"], "evidence", "{together}");

    for (arguments, names) in [
        (&["--statistics", "--runs", "0"][..], "from 1 to 1048576"),
        (&["--statistics", "--runs", "1048577"], "from 1 to 1048576"),
        (&["--runs", "8"], "--statistics"),
        (&["--statistics", "--plot", "views.gif"], "ends in .svg or .png"),
    ] {
        let sentence = refusal(&[&["prove", "gelu/quad", "--seq", "2"][..], arguments].concat());
        assert!(sentence.contains(names), "{sentence}");
    }
}
