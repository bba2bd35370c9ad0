use super::super::machine::tests::a_machine;
use super::super::measure::P6;
use super::super::peer::Peer;
use super::super::results::tests::of_costs;
use super::super::server::Launch;
use super::*;
use crate::arguments::Arguments;

fn contestant(name: &str, absent: Option<&str>) -> Contestant {
    let launch = Launch {
        program: name.into(),
        arguments: Vec::new(),
        folder: "/".into(),
        log: "/log".into(),
    };
    Contestant {
        peer: Peer::named(name).unwrap(),
        version: format!("{name} 1.0"),
        launch: absent.map_or(Ok(launch), |reason| Err(reason.to_owned())),
    }
}

fn page(results: &Results, starts: &[f64], counts: &[Count], line: &str) -> String {
    let words = line.split_whitespace().map(str::to_owned);
    let options = Options::parse(Arguments::new(words)).unwrap();
    let contestants = [
        contestant("native", None),
        contestant("fastwebsockets", None),
        contestant("bun", Some("npm | failed")),
    ];
    let report = Report {
        options: &options,
        machine: &a_machine(),
        contestants: &contestants,
        results,
        starts,
        counts,
    };
    report.markdown()
}

#[test]
fn a_page_tells_verdicts_costs_ratios_and_who_was_absent() {
    let results = of_costs(&[
        (P1, "native", &[3.4, 6.8, 3.4]),
        (P1, "fastwebsockets", &[4.0, 8.0, 4.0]),
    ]);
    let page = page(&results, &[40.0, 44.0, 42.0], &[], "--only P1,P10");
    for line in [
        "| bun | Bun (uWebSockets and JavaScript) | absent: npm \\| failed |",
        "| P1 native | 16 B, 1 in flight | 14 k instructions | 11.6 ± 0 % | fastwebsockets | **reached by 17 %** |  |",
        "| P1 guest | 16 B, 1 in flight | 18.5 k instructions | - | - | not measured |  |",
        "| P10 guest | the same, stretch | 15 ms | 42.0 ± 5 % | the clock | **missed by 180 %** |  |",
        "| native | 3.40 ± 100 % |",
        "| native | 0.850 ± 0 % |",
        "compiled before: 42.0 ms (40.0 to 44.0 ms in 3 starts).",
        "- Machine: A CPU, 2 cores, Linux 6.1",
    ] {
        assert!(page.contains(line), "{line}\nis not in\n{page}");
    }
    for absent in [
        "P2 native",
        "## Memory",
        "## Failures",
        "## User instructions",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn memory_counts_and_failures_have_sections_of_their_own() {
    let mut results = of_costs(&[(P6, "native", &[95.0])]);
    let native = Peer::named("native").unwrap();
    let memory = Reading::Memory {
        opened: 1.25,
        touched: 1.5,
    };
    results.add(Measure::named(P8).unwrap(), native, Ok(memory));
    let failed = Err(anyhow::anyhow!("it died"));
    results.add(Measure::named(P2).unwrap(), native, failed);
    let count = Count {
        measure: P1,
        peer: "native",
        instructions_a_message: 1234.4,
    };
    let page = page(&results, &[], &[count], "");
    for line in [
        "| native | 1.2 | 1.5 |",
        "- native, 16 B, 16 in flight: it died",
        "| 16 B, 1 in flight | native | 1234 |",
        "| P8 native | idle connection, used | 1.5 KB | 1.50 ± 0 % | memory | **reached by 0 %** |  |",
    ] {
        assert!(page.contains(line), "{line}\nis not in\n{page}");
    }
    // One round has no spread, and nobody else's row is there to compare with.
    assert!(page.contains("| native | 95.0 |") && !page.contains("## Ratios"));
}
