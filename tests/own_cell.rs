//! A cell and a cost term of a user's own: written in dfdx's operations, trained, saved, resumed and read out.

use maturation::dfdx::shapes::Rank0;
use maturation::dfdx::tensor_ops::{Device, SumTo, TryAdd, TryMatMul, TryMul, TrySub};
use maturation::hyperparameters::RnnType;
use maturation::network::definition::{Defined, Moment, Scalar, Swept, Value, with_bias};
use maturation::network::{Cell, CostTerm, DfdxEngine, ExtraCost, Initial, Learner, ParameterSpec, Role};
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;

/// Leaky units that tire: each is inhibited by a slow average of its own rate.
struct Adapting {
    name: &'static str,
    strength: f32,
}

impl Cell for Adapting {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Rates and their slow average.
    fn states(&self) -> usize {
        2
    }

    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        let (inputs, units) = (hyperparameters.n_input(), hyperparameters.n_rnn);
        let from_inputs = Initial::Gaussian(1.0 / (inputs as f64).sqrt());
        vec![
            ParameterSpec::new("w_in", Role::Input, (inputs, units), from_inputs),
            ParameterSpec::new("w_rec", Role::Recurrent, (units, units), Initial::Recurrent),
            ParameterSpec::bias("b_rec", units, 0.0),
        ]
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let (rates, tired) = (now.state(0)?, now.state(1)?);
        let drive = now.input().try_matmul(now.parameter("w_in")?)?;
        let drive = drive.try_add(rates.clone().try_matmul(now.parameter("w_rec")?)?)?;
        let drive = drive.try_sub(tired.clone().try_mul(self.strength)?)?;
        let z = now.noisy(with_bias(drive, now.parameter("b_rec")?)?)?;
        let after = rates.try_mul(1.0 - now.alpha())?.try_add(now.activate(z)?.try_mul(now.alpha())?)?;
        let slow = 0.1 * now.alpha();
        let tired = tired.try_mul(1.0 - slow)?.try_add(after.clone().try_mul(slow)?)?;
        Ok(vec![after, tired])
    }
}

/// Rates that change from step to step cost something.
struct Smooth;

impl CostTerm for Smooth {
    fn name(&self) -> &'static str {
        "smooth"
    }

    fn cost<D: Device<f32>>(&self, swept: &Swept<'_, D>) -> Defined<Scalar<D>, D> {
        let rates = swept.rates();
        let mut total = None;
        for (earlier, later) in rates.iter().zip(&rates[1..]) {
            let term = later.clone().try_sub(earlier.clone())?.try_square()?.try_sum::<Rank0, _>()?;
            total = Some(match total {
                None => term,
                Some(sum) => term.try_add(sum)?,
            });
        }
        let total = total.expect("a trial has two steps at least");
        Ok(total.try_mul(2.0 / (rates.len() * swept.trials().len()) as f32)?)
    }
}

fn small(rnn_type: RnnType) -> Hyperparameters {
    Hyperparameters {
        rnn_type,
        n_rnn: 12,
        batch_size_train: 8,
        batch_size_test: 24,
        display_step: 5,
        dt: 50.0,
        rule_trains: vec![Rule::GAP, Rule::OVERLAP],
        ..Hyperparameters::paper()
    }
}

#[test]
fn a_leaky_cell_of_ones_own_trains_as_the_crates() {
    let own = RnnType::define(Adapting { name: "untiring", strength: 0.0 }).unwrap();
    let mut costs = Vec::new();
    for rnn_type in [own, RnnType::LEAKY_RNN] {
        let network = Network::new(&small(rnn_type)).unwrap();
        let trials = Trials::test(network.hyperparameters(), Rule::GAP, Mode::Test).unwrap();
        let mut learner = Learner::new(network).unwrap();
        let mut engine = CpuEngine::new(1).unwrap();
        let noise = SweepNoise::Gaussian { noise: Noise::new(1, 2), step: 3 };
        costs.push((0..10).map(|_| engine.train(&mut learner, &trials, noise).unwrap().unwrap()).collect::<Vec<_>>());
    }
    for (own, crates) in costs[0].iter().zip(&costs[1]) {
        assert!((own - crates).abs() < 1e-5 * crates, "{own} {crates}");
    }
}

#[test]
fn gradients_of_an_own_cell_and_cost_are_their_slopes() {
    let hyperparameters = Hyperparameters {
        activation: Activation::Tanh,
        extra_cost: Some(ExtraCost::define(Smooth)),
        ..small(RnnType::define(Adapting { name: "tiring", strength: 1.0 }).unwrap())
    };
    let mut network = Network::new(&hyperparameters).unwrap();
    let trials = Trials::random(&hyperparameters, Rule::GAP, 6, &mut RandomStream::new(1, 1)).unwrap();
    let mut engine = DfdxEngine::cpu();
    let (cost, gradients) = engine.gradients(&network, &trials, SweepNoise::None).unwrap();
    assert!(cost.extra > 0.01, "{cost:?}");
    let values = network.parameters().get("w_rec").unwrap().values();
    let largest = gradients[1].iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for place in [0, 13, 50, 143] {
        let mut cost_at = |change: f32| {
            let mut moved = values.clone();
            moved[place] += change;
            network.parameters_mut().set("w_rec", &moved).unwrap();
            engine.evaluate(&network, &trials, SweepNoise::None).unwrap().0.total()
        };
        let slope = (cost_at(4e-3) - cost_at(-4e-3)) / 8e-3;
        let found = f64::from(gradients[1][place]);
        assert!((slope - found).abs() < 5e-3 * f64::from(largest), "{place}: {found} {slope}");
    }
}

#[test]
fn an_own_cell_trains_resumes_and_is_read_out_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let hyperparameters = Hyperparameters {
        extra_cost: Some(ExtraCost::define(Smooth)),
        ..small(RnnType::define(Adapting { name: "adapting", strength: 0.5 }).unwrap())
    };
    let train = |name: &str, trials: u64| {
        Training::new(hyperparameters.clone()).quiet().max_trials(trials).train(folder.path().join(name)).unwrap()
    };
    let whole = train("whole", 80);
    train("resumed", 24);
    let resumed = train("resumed", 80);
    let values = |run: &Run| run.last().unwrap().network().unwrap().parameters().values();
    assert_eq!(values(&whole), values(&resumed));
    assert_ne!(values(&whole), Network::new(&hyperparameters).unwrap().parameters().values());
    assert!(whole.evaluations().entries[0].rules[0].regularisation_cost > 0.0);
    let activity = whole.last().unwrap().activity(Rule::GAP).unwrap();
    assert_eq!(activity.units(), 12);
    let plain = Hyperparameters { extra_cost: None, ..hyperparameters.clone() };
    let message = Training::new(plain).quiet().train(folder.path().join("whole")).unwrap_err().to_string();
    assert!(message.contains("`extra_cost`") && message.contains("smooth"), "{message}");

    // Another program, which knows neither, says so.
    let bare = folder.path().join("bare");
    Training::new(Hyperparameters { extra_cost: None, ..hyperparameters }).quiet().max_trials(8).train(&bare).unwrap();
    for (run, words) in [(&folder.path().join("whole"), ["`smooth`", "define"]), (&bare, ["`adapting`", "LeakyRNN"])] {
        let log = std::process::Command::new(env!("CARGO_BIN_EXE_maturation")).arg("log").arg(run).output().unwrap();
        let message = String::from_utf8_lossy(&log.stderr).into_owned();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

/// A cell with a mistake in it.
struct Wrong(&'static str);

impl Cell for Wrong {
    fn name(&self) -> &'static str {
        self.0
    }

    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        let name = if self.0 == "doubled" { "w_out" } else { "w" };
        vec![ParameterSpec::new(name, Role::Recurrent, (hyperparameters.n_rnn, 3), Initial::Constant(0.1))]
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let rates = now.state(0)?;
        match self.0 {
            "misnamed" => Ok(vec![now.parameter("v")?]),
            "unfitting" => Ok(vec![now.input().try_matmul(now.parameter("w")?)?]),
            "narrow" => Ok(vec![rates.try_matmul(now.parameter("w")?)?]),
            "manifold" => Ok(vec![rates.clone(), rates]),
            _ => Ok(vec![now.state(1)?]),
        }
    }
}

#[test]
fn mistakes_in_a_cell_are_told() {
    for (name, words) in [
        ("misnamed", "there is no parameter `v`: choose one of w, w_out, b_out"),
        ("unfitting", "definition of cell `unfitting`"),
        ("narrow", "`narrow state 0` has shape [128, 3], expected [128, 12]"),
        ("manifold", "a step of cell `manifold` gave 2 states: it says it has 1"),
        ("forgetful", "the cell has no state 1"),
        ("doubled", "two parameters `w_out`"),
    ] {
        let hyperparameters = small(RnnType::define(Wrong(name)).unwrap());
        let trials = Trials::test(&hyperparameters, Rule::GAP, Mode::Test).unwrap();
        let ran = Network::new(&hyperparameters)
            .and_then(|network| CpuEngine::new(1)?.run(&network, &trials.inputs, SweepNoise::None));
        let message = ran.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let message = RnnType::define(Wrong("GRU")).unwrap_err().to_string();
    assert!(message.contains("already"), "{message}");
}
