//! Files that are read, and files that are refused with file, line and column.

use super::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory of a name, with files.
fn directory(name: &str, files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join(name);
    fs::create_dir(&directory).unwrap();
    for (file, contents) in files {
        fs::write(directory.join(file), contents).unwrap();
    }
    (scratch, directory)
}

fn read_plain(contents: &[u8], wanted: Wanted<'_>) -> Result<LabelledTexts, DataError> {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("rows.tsv");
    fs::write(&file, contents).unwrap();
    load_file(&file, wanted)
}

fn classes_of(data: &LabelledTexts) -> Vec<Label> {
    data.rows().iter().map(|row| row.label).collect()
}

/// The head of each task's train.tsv as it is published, with two rows.
const TASKS: [(Task, &str); 6] = [
    (Task::Sst2, "sentence\tlabel\nhide new secretions from the parental units \t0\nit 's \"fine\" \t1\n"),
    (
        Task::Qnli,
        "index\tquestion\tsentence\tlabel\n0\tWhen?\tIn 1990.\tentailment\n1\tWho?\tNot \"here.\tnot_entailment\n",
    ),
    (Task::Cola, "gj04\t1\t\tOur friends won't buy this.\ngj04\t0\t*\tThey drank the pub.\n"),
    (
        Task::Mrpc,
        "\u{feff}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tAmrozi accused him .\tHe was accused .\r\n0\t9\t10\tOne \" .\tTwo .\r\n",
    ),
    (
        Task::StsB,
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n\
         0\tmain-captions\tMSRvid\t2012test\t1\tnone\tnone\tA plane is taking off.\tAn air plane is taking off.\t5.000\n\
         1\tmain-captions\tMSRvid\t2012test\t4\tnone\tnone\tA man plays.\tA \"man sits.\t0.25\n",
    ),
    (
        Task::Rte,
        "index\tsentence1\tsentence2\tlabel\n0\tNo Weapons.\tWeapons.\tnot_entailment\n1\tA place.\tA spot.\tentailment\n",
    ),
];

fn wanted(task: Task) -> Wanted<'static> {
    if task.classes().is_some() { Wanted::ClassesOfFile } else { Wanted::Numbers }
}

#[test]
fn every_task_is_read_from_a_directory_of_its_name_and_all_but_sst2_from_one_of_any() {
    for (task, contents) in TASKS {
        for name in [task.name(), "whatever"] {
            let (_scratch, directory) = directory(name, &[("train.tsv", contents), ("dev.tsv", contents)]);
            for split in [Split::Train, Split::Development] {
                let data = load(&directory, split, wanted(task)).unwrap();
                assert_eq!(data.task(), (name != "whatever" || task != Task::Sst2).then_some(task));
                assert_eq!(data.rows().len(), 2);
                assert_eq!(data.are_pairs(), matches!(task, Task::Qnli | Task::Mrpc | Task::StsB | Task::Rte));
                assert_eq!(data.file(), directory.join(split.file_name()));
            }
            // One file of it says the same.
            let file = load(&directory.join("dev.tsv"), Split::Test, wanted(task)).unwrap();
            assert_eq!(file, load(&directory, Split::Development, wanted(task)).unwrap());
        }
        assert_eq!(Task::of_name(&task.name().to_lowercase().replace('-', "")), Some(task));
    }
}

#[test]
fn labels_and_texts_of_tasks_are_the_files_own_and_quotation_marks_are_characters() {
    let read = |index: usize| {
        let (task, contents) = TASKS[index];
        let (_scratch, directory) = directory(task.name(), &[("train.tsv", contents)]);
        load(&directory, Split::Train, wanted(task)).unwrap()
    };
    let class = Label::Class;
    assert_eq!(classes_of(&read(0)), [class(0), class(1)]);
    assert_eq!(read(0).rows()[1].text, "it 's \"fine\" ");
    assert_eq!(classes_of(&read(1)), [class(0), class(1)]);
    assert_eq!((read(1).rows()[1].text.as_str(), read(1).rows()[1].pair.as_deref()), ("Who?", Some("Not \"here.")));
    assert_eq!(classes_of(&read(2)), [class(1), class(0)]);
    assert_eq!((read(2).rows()[0].text.as_str(), read(2).rows()[0].line), ("Our friends won't buy this.", 1));
    assert_eq!(classes_of(&read(3)), [class(1), class(0)]);
    assert_eq!((read(3).rows()[1].pair.as_deref(), read(3).rows()[1].line), (Some("Two ."), 3));
    assert_eq!(classes_of(&read(4)), [Label::Number(5.0), Label::Number(0.25)]);
    assert_eq!(read(4).labels(), &Labels::Numbers);
    assert_eq!(classes_of(&read(5)), [class(1), class(0)]);
    assert_eq!(read(5).labels(), &Labels::Classes(vec!["entailment".into(), "not_entailment".into()]));
}

#[test]
fn a_directory_of_one_task_with_the_file_of_another_is_refused_with_both() {
    for (task, _) in TASKS {
        for (other, contents) in TASKS {
            let (_scratch, directory) = directory(task.name(), &[("train.tsv", contents)]);
            let read = load(&directory, Split::Train, wanted(task));
            if task == other {
                read.unwrap();
                continue;
            }
            // QNLI and SST-2 both have `sentence` and `label`; labels of one are none of the other.
            let error = read.unwrap_err();
            let is_refused = matches!(error, DataError::WrongTask { .. } | DataError::UnknownLabel { .. });
            assert!(is_refused && error.to_string().contains("train.tsv"), "{task:?} {other:?}: {error}");
        }
        let (_scratch, directory) = directory(task.name(), &[("train.tsv", TASKS[0].1)]);
        if task != Task::Sst2 {
            let error = load(&directory, Split::Train, wanted(task)).unwrap_err().to_string();
            assert!(error.contains(task.name()) && error.contains("`sentence`, `label`"), "{error}");
        }
    }
}

#[test]
fn tests_of_glue_have_no_labels_and_classes_are_no_numbers() {
    let (_scratch, sst) = directory("SST-2", &[("test.tsv", "index\tsentence\n0\tfine\n")]);
    let error = load(&sst, Split::Test, Wanted::ClassesOfFile).unwrap_err();
    assert!(error.to_string().contains("no labels of its tests"), "{error}");
    let (_scratch, sst) = directory("SST-2", &[("dev.tsv", TASKS[0].1)]);
    let error = load(&sst, Split::Development, Wanted::Numbers).unwrap_err();
    assert!(matches!(error, DataError::OtherLabels { .. }), "{error}");
    let (_scratch, sts) = directory("STS-B", &[("dev.tsv", TASKS[4].1)]);
    let error = load(&sts, Split::Development, Wanted::ClassesOfFile).unwrap_err();
    assert!(matches!(error, DataError::OtherLabels { .. }), "{error}");
}

#[test]
fn a_plain_file_has_columns_in_any_order_and_others_beside_them() {
    let contents = b"label\tid\ttext2\ttext\nno\t1\tb\ta\nyes\t2\td\tc\n";
    let data = read_plain(contents, Wanted::ClassesOfFile).unwrap();
    assert_eq!(data.labels(), &Labels::Classes(vec!["no".into(), "yes".into()]));
    assert_eq!(
        data.rows()[1],
        LabelledText { text: "c".into(), pair: Some("d".into()), label: Label::Class(1), line: 3 }
    );
    assert!(data.are_pairs() && data.task().is_none());
    let numbers = read_plain(b"sentence\tlabel\na\t-1.5\nb\t2e1", Wanted::Numbers).unwrap();
    assert_eq!(classes_of(&numbers), [Label::Number(-1.5), Label::Number(20.0)]);
}

#[test]
fn classes_of_a_file_are_numbers_from_0_on_or_names_in_their_order() {
    let names = |contents: &str| match read_plain(contents.as_bytes(), Wanted::ClassesOfFile).unwrap().labels() {
        Labels::Classes(names) => names.join(" "),
        Labels::Numbers => panic!("{contents}"),
    };
    assert_eq!(names("text\tlabel\na\t2\nb\t0\n"), "0 1 2");
    assert_eq!(names("text\tlabel\na\t0\nb\t0\n"), "0 1");
    assert_eq!(names("text\tlabel\na\tz\nb\t10\nc\tb\n"), "10 b z");
    assert_eq!(names("text\tlabel\na\t-1\nb\t1\n"), "-1 1");
    let many: String = (0..=MOST_CLASSES).map(|class| format!("a\tname{class}\n")).collect();
    let error = read_plain(format!("text\tlabel\n{many}").as_bytes(), Wanted::ClassesOfFile).unwrap_err();
    assert!(matches!(error, DataError::TooManyClasses { line: 1002, count: 1001, .. }), "{error}");
}

#[test]
fn classes_of_a_model_are_found_by_name_then_by_number() {
    let names: Vec<String> = ["NEGATIVE", "POSITIVE"].map(str::to_owned).to_vec();
    let read = |label: &str| read_plain(format!("text\tlabel\na\t{label}\n").as_bytes(), Wanted::Classes(&names));
    for label in ["POSITIVE", "positive", "1", " 1 "] {
        assert_eq!(classes_of(&read(label).unwrap()), [Label::Class(1)], "{label}");
    }
    for label in ["2", "01", "+1", "1.0", "neutral", ""] {
        let error = read(label).unwrap_err();
        assert!(matches!(error, DataError::UnknownLabel { line: 2, .. }), "{label}: {error}");
        assert!(error.to_string().contains("NEGATIVE (0), POSITIVE (1)"), "{error}");
    }
    // A task's classes are found in a model that has them the other way round.
    let (_scratch, rte) = directory("RTE", &[("dev.tsv", TASKS[5].1)]);
    let turned = ["not_entailment", "ENTAILMENT"].map(str::to_owned);
    let data = load(&rte, Split::Development, Wanted::Classes(&turned)).unwrap();
    assert_eq!(classes_of(&data), [Label::Class(0), Label::Class(1)]);
    let others = ["LABEL_0", "LABEL_1"].map(str::to_owned);
    let plain = load(&rte, Split::Development, Wanted::ClassesOfFile).unwrap();
    let (data, matching) = plain.clone().with_classes(&others).unwrap();
    assert_eq!((classes_of(&data), matching), (vec![Label::Class(1), Label::Class(0)], Matching::Numbers));
    assert_eq!(plain.clone().with_classes(&turned).unwrap().1, Matching::Names);
    let three = ["a", "b", "c"].map(str::to_owned);
    assert!(matches!(plain.with_classes(&three), Err(DataError::OtherClasses { count: 2, .. })));
}

/// What is refused, and what the sentence must name beside the file.
#[test]
fn bad_files_are_refused_with_line_and_column() {
    let long = format!("text\tlabel\n{}\t1\n", "a".repeat(MOST_TEXT_BYTES + 1));
    let cases: [(&[u8], Wanted<'_>, &[&str]); 18] = [
        (b"", Wanted::ClassesOfFile, &["no rows"]),
        (b"\n", Wanted::ClassesOfFile, &["no rows"]),
        (b"text\tlabel\n", Wanted::ClassesOfFile, &["no rows below its header"]),
        (b"review\tlabel\na\t1\n", Wanted::ClassesOfFile, &["line 1", "`text` or `sentence`", "`review`, `label`"]),
        (b"text\tscore\na\t1\n", Wanted::ClassesOfFile, &["line 1", "`label`", "`text`, `score`"]),
        (b"text,label\na,1\n", Wanted::ClassesOfFile, &["line 1", "`text,label`", "tabs"]),
        (b"text\tlabel\tlabel\na\t1\t1\n", Wanted::ClassesOfFile, &["line 1", "two columns", "`label`"]),
        (b"text\tlabel\na\t1\n\nb\t0\n", Wanted::ClassesOfFile, &["line 3 is empty"]),
        (b"text\tlabel\na\t1\n \t1\n", Wanted::ClassesOfFile, &["line 3", "`text` is empty"]),
        (b"text\ttext2\tlabel\na\t\t1\n", Wanted::ClassesOfFile, &["line 2", "`text2` is empty"]),
        (b"text\tlabel\na\tb\t1\n", Wanted::ClassesOfFile, &["line 2", "3 fields", "2 are expected"]),
        (b"text\tlabel\na\n", Wanted::ClassesOfFile, &["line 2", "1 fields"]),
        (b"text\tlabel\na\t1\nb\t\n", Wanted::ClassesOfFile, &["line 3", "`label`"]),
        (b"text\tlabel\na\tNaN\n", Wanted::Numbers, &["line 2", "`label`", "\"NaN\"", "finite"]),
        (b"text\tlabel\na\tinf\n", Wanted::Numbers, &["line 2", "finite"]),
        (b"text\tlabel\na\t\n", Wanted::Numbers, &["line 2", "finite"]),
        (b"text\tlabel\na\t1\ncaf\xe9\t1\n", Wanted::Numbers, &["line 3", "byte 4", "0xe9", "iconv -f LATIN1"]),
        (long.as_bytes(), Wanted::Numbers, &["line 2", "`text`", "65537"]),
    ];
    for (contents, wanted, words) in cases {
        let error = read_plain(contents, wanted).unwrap_err().to_string();
        let shown = String::from_utf8_lossy(&contents[..contents.len().min(40)]).into_owned();
        for word in words.iter().chain(&["rows.tsv"]) {
            assert!(error.contains(word), "{shown:?}: `{word}` is not in: {error}");
        }
    }
}

#[test]
fn what_is_no_file_or_too_large_is_refused_without_being_read() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("rows.tsv");
    let error = |file: &Path| load_file(file, Wanted::Numbers).unwrap_err();
    assert!(matches!(error(&file), DataError::File(crate::ModelError::MissingFile { .. })));
    assert!(matches!(error(scratch.path()), DataError::NotAFile { .. }));
    let missing = load(scratch.path(), Split::Train, Wanted::Numbers).unwrap_err().to_string();
    assert!(missing.contains("train.tsv") && missing.contains("TSV"), "{missing}");
    if Path::new("/dev/zero").exists() {
        assert!(matches!(error(Path::new("/dev/zero")), DataError::NotAFile { .. }));
    }
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(matches!(error(&file), DataError::NotAFile { .. }));
        fs::remove_file(&file).unwrap();
    }
    // A file of one byte too many, of which none is written.
    fs::File::create(&file).unwrap().set_len(MOST_DATA_BYTES + 1).unwrap();
    assert!(matches!(error(&file), DataError::TooLarge { .. }), "{}", error(&file));
}

#[test]
fn a_sample_keeps_rows_as_they_are() {
    let data = read_plain(b"text\tlabel\na\t0\nb\t1\nc\t2\n", Wanted::ClassesOfFile).unwrap();
    let two = data.only(&[2, 0, 9]).unwrap();
    assert_eq!(two.rows().iter().map(|row| row.line).collect::<Vec<_>>(), [4, 2]);
    assert_eq!(two.labels(), data.labels());
    assert!(data.only(&[]).is_none() && data.only(&[3]).is_none());
}

#[test]
fn a_few_real_sentences_are_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/rated_sentences.tsv");
    let data = load(&file, Split::Test, Wanted::ClassesOfFile).unwrap();
    assert_eq!(data.labels(), &Labels::Classes(vec!["negative".into(), "positive".into()]));
    assert_eq!(data.rows().iter().filter(|row| row.label == Label::Class(1)).count(), 12);
    assert_eq!((data.rows().len(), data.are_pairs()), (24, false));
}

#[test]
fn a_picture_or_an_archive_in_the_place_of_rows_is_called_that() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rows.tsv");
    for (first, kind) in [
        (&b"\x89PNG\r\n\x1a\n"[..], "a picture"),
        (b"RIFF\0\0\0\0WEBPVP8", "a picture"),
        (b"PK\x03\x04", "a packed archive"),
    ] {
        std::fs::write(&file, first).unwrap();
        let said = load_file(&file, Wanted::Numbers).unwrap_err().to_string();
        assert!(said.contains(&format!("rows.tsv` is {kind}, not a file of rows; give a TSV")), "{said}");
    }
    // A text may begin as it likes.
    std::fs::write(&file, "RIFF of a WEBP\tlabel\n").unwrap();
    assert!(matches!(load_file(&file, Wanted::Numbers), Err(DataError::MissingColumn { .. })));
}
