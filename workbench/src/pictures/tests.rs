use super::*;
use ndarray::Ix3;
use viewless_models::dcvae;
use viewless_protocols::model::dcvae::DcVaeConfig;

fn micro() -> DcVae {
    let config = DcVaeConfig::known("dc-vae-8").unwrap();
    DcVae { config, tensors: dcvae::weights(&config) }
}

fn image() -> Array3<f64> {
    dcvae::input("x", &[1, 8, 8]).into_dimensionality::<Ix3>().unwrap()
}

fn asked(suite: &str, asking: Asking<'_>, execution: ExecutionMode, seed: u64) -> (PictureReport, Pictures) {
    let (model, suite, network) = (micro(), Suite::built_in(suite).unwrap(), Network::lan());
    let question = Question {
        name: "micro",
        model: &model,
        asking,
        suite: &suite,
        registry: Registry::built_in(),
        seed: Seed::from_u64(seed),
        network: &network,
        schedule: Schedule::Asap,
        execution,
        most_bytes: None,
    };
    ask(&question, None, None).unwrap()
}

#[test]
fn an_image_is_reconstructed_with_messages_and_without_and_beside_the_original() {
    let image = image();
    let asking = Asking::Reconstruct { name: "x", images: std::slice::from_ref(&image) };
    let (report, pictures) = asked("faithful", asking, ExecutionMode::Explicit, 3);
    let (fast, same) = asked("faithful", asking, ExecutionMode::Fast, 3);
    assert_eq!((&pictures, report.max_abs_error), (&same, fast.max_abs_error));
    assert_eq!((fast.run.bytes_moved, fast.run.transcript_digest), (0, None));
    let counted: u64 = report.cost.phases.values().map(|phase| phase.bytes_total).sum();
    assert_eq!(report.run.bytes_moved, counted);
    assert!(report.run.headroom_violations.is_empty() && report.doubts.is_empty() && report.other_functions.is_empty());
    assert!(report.max_abs_error > 0.0 && report.max_pixel_error <= report.max_abs_error, "{report:?}");
    assert_eq!((report.shape, report.levels, report.images), ([1, 8, 8], 64, 1));
    // Both reconstructions of a model that has learnt nothing are as far from the original, to a millibel.
    let beside = report.beside_original.unwrap();
    let [private, plain] = [beside.private, beside.plaintext].map(|fidelity| fidelity.psnr_decibels.unwrap());
    assert!((private - plain).abs() < 1e-3 && plain < 20.0, "{private} {plain}");
    let squares = |levels: &Levels| -> f64 {
        let pixel = |&level: &u8| f64::from(level) / 127.5 - 1.0;
        levels.iter().zip(&image).map(|(level, x)| (pixel(level) - x).powi(2)).sum::<f64>() / 64.0
    };
    // A level is at most half a level of 256 from its pixel, so the root of the mean square is, too.
    let step = squares(&pictures.plaintext[0]).sqrt() - beside.plaintext.mse.sqrt();
    assert!(step.abs() <= 0.5 / 127.5, "{step}");
    assert_eq!(pictures.originals, [levels(&image)]);
}

#[test]
fn samples_are_those_of_their_seed_and_of_the_noise_of_both_parties() {
    let drawn = |seed| asked("faithful", Asking::Sample(3), ExecutionMode::Fast, seed);
    let (report, pictures) = drawn(1);
    assert_eq!((pictures.private.len(), pictures.plaintext.len(), pictures.originals.len()), (3, 3, 0));
    assert_ne!(pictures.plaintext[0], pictures.plaintext[1]);
    assert_eq!((drawn(1).1 == pictures, drawn(2).1 == pictures), (true, false));
    assert!(report.max_abs_error < 1e-3 && report.beside_original.is_none() && report.image.is_none());
    assert_eq!((report.images, report.levels), (3, 192));
}

/// Mean and variance of n normal numbers of variance v are normal with variances v / n and 2 v^2 / n: five standard deviations for a fixed seed.
#[test]
fn each_party_draws_normal_numbers_of_variance_one_half() {
    let numbers = 40_000;
    let [client, owner] = NOISE.map(|name| noise(&Seed::from_u64(9), name, numbers));
    let sum: Vec<f64> = client.iter().zip(&owner).map(|(a, b)| a + b).collect();
    for (drawn, wanted) in [(&client, 0.5), (&owner, 0.5), (&sum, 1.0)] {
        let n = drawn.len() as f64;
        let mean = drawn.iter().sum::<f64>() / n;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / n;
        assert!(mean.abs() < 5.0 * (wanted / n).sqrt(), "{mean}");
        assert!((variance - wanted).abs() < 5.0 * (2.0 / n).sqrt() * wanted, "{variance}");
        // Of a normal number beyond two standard deviations is one with probability 0.0455.
        let beyond = drawn.iter().filter(|x| x.abs() > 2.0 * f64::sqrt(wanted)).count() as f64 / n;
        assert!((beyond - 0.0455).abs() < 5.0 * (0.0455 / n).sqrt(), "{beyond}");
    }
    assert_eq!(noise(&Seed::from_u64(9), NOISE[0], 3), client[..3]);
}

#[test]
fn what_cannot_be_asked_is_refused_and_another_activation_is_named() {
    let (model, network, suite) = (micro(), Network::lan(), Suite::built_in("faithful").unwrap());
    let refused = |asking: Asking<'_>| {
        let question = Question {
            name: "micro",
            model: &model,
            asking,
            suite: &suite,
            registry: Registry::built_in(),
            seed: Seed::from_u64(0),
            network: &network,
            schedule: Schedule::Asap,
            execution: ExecutionMode::Fast,
            most_bytes: None,
        };
        ask(&question, None, None).err().unwrap().to_string()
    };
    let wide = Array3::zeros((1, 8, 9));
    assert!(refused(Asking::Reconstruct { name: "x", images: &[image(), wide] }).contains("[1, 8, 8]"));
    assert!(refused(Asking::Reconstruct { name: "x", images: &[] }).contains("0 images"));
    for asked in [0, MOST_SAMPLES + 1, usize::MAX] {
        assert!(refused(Asking::Sample(asked)).contains(&asked.to_string()));
    }
    let mut other = suite.clone();
    assert!(other_functions(&suite, Registry::built_in()).unwrap().is_empty());
    other.protocols.insert(viewless_protocols::nonlinear::Function::RELU, "relu/quad".to_owned());
    assert!(other_functions(&other, Registry::built_in()).unwrap()[0].contains("relu/quad"));
}

/// Of several runs each image counts once, whatever images are run beside it; and images that are their own mean are reconstructed by no model.
#[test]
fn an_evaluation_is_the_mean_over_images_of_what_single_runs_give() {
    let (model, registry) = (micro(), Registry::built_in());
    let one = |number: usize| dcvae::input(&format!("x{number}"), &[1, 8, 8]).into_dimensionality::<Ix3>().unwrap();
    let images: Vec<Array3<f64>> = (0..9).map(one).collect();
    let suites = ["faithful", "puma"].map(|name| Suite::built_in(name).unwrap());
    let of = |images: &[Array3<f64>]| {
        let execution = ExecutionMode::Fast;
        let asked = evaluation::Evaluation {
            name: "micro",
            model: &model,
            images,
            suites: &suites,
            registry,
            seed: 4,
            execution,
            most_bytes: None,
        };
        evaluation::evaluate(&asked, None)
    };
    let report = of(&images).unwrap();
    assert_eq!((report.images, report.suites.len(), report.is_in_doubt()), (9, 2, false));
    let plain = |image: &Array3<f64>| {
        let code = model.encode(image.view()).unwrap();
        let made = model.decode(code.slice(ndarray::s![..4])).unwrap().mapv(f64::tanh);
        mean_square(&made, image)
    };
    let wanted = images.iter().map(plain).sum::<f64>() / 9.0;
    assert!((report.plaintext.mse - wanted).abs() < 1e-12, "{} {wanted}", report.plaintext.mse);
    for suite in &report.suites {
        assert!(suite.private.mse != wanted && (suite.private.mse - wanted).abs() < 1e-3, "{suite:?}");
        assert!(
            suite.largest_loss_decibels.unwrap().abs() < 0.05 && suite.levels == 576 && suite.wraps == 0,
            "{suite:?}"
        );
    }
    let alike = vec![one(0); 3];
    // A third of three times a number is the number to a unit in its last place.
    assert!(of(&alike).unwrap().mean_image.mse < 1e-30);
    assert!(of(&[]).is_err());
}
