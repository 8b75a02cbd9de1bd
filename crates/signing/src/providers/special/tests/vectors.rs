//! Real signatures that none of us made: every verdict must be that of the strict reading of the provider's rule.

use super::{Case, FILES, Outcome, cases, own_cases, shared, valid_cases};
use std::collections::BTreeSet;

fn disagreements(cases: &[Case]) -> Vec<String> {
    let verdicts = cases.iter().map(|case| (case, case.judge()));
    let wrong = verdicts.filter(|(case, outcome)| (*outcome == Outcome::Valid) != case.is_valid);
    wrong.map(|(case, outcome)| format!("{} {}: {outcome:?}", case.scheme, case.id)).collect()
}

#[test]
fn made_vectors_get_the_strict_verdict() {
    let cases = own_cases();
    assert!(cases.len() > 130, "only {} vectors", cases.len());
    assert_eq!(disagreements(&cases), Vec::<String>::new());
}

#[test]
fn every_scheme_accepts_something() {
    let cases = valid_cases();
    assert_eq!(disagreements(&cases), Vec::<String>::new());
    let accepted: BTreeSet<&str> = cases.iter().map(|case| case.scheme.as_str()).collect();
    let all: BTreeSet<&str> = FILES.iter().map(|(scheme, _)| *scheme).chain(["paddle_classic"]).collect();
    assert_eq!(accepted, all);
}

#[test]
fn harvested_vectors_get_the_strict_verdict() {
    let folder = shared().join("harvested");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return;
    }
    let files = FILES.iter().map(|(_, file)| folder.join(file).with_extension("json")).filter(|file| file.is_file());
    let cases: Vec<Case> = files.flat_map(|file| cases(&file)).collect();
    assert!(cases.len() > 25, "only {} vectors", cases.len());
    assert_eq!(disagreements(&cases), Vec::<String>::new());
}
