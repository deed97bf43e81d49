//! What a drill brought, for people.

use super::record::{Entry, Logins};
use super::words::{Words, clock, span, words};
use super::{Rehearsal, Report};
use crate::value::Duration;

/// Most lines of a timeline for people; programs get all of it.
pub const LINES_MAX: usize = 200;

/// Lines for people.
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    for rehearsal in &report.rehearsals {
        let name = report.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let Report { duration, logins, seed, .. } = report;
        out.push_str(&format!(
            "{name}{} ({}), {duration}, logins {logins}, seed {seed}\n\n",
            rehearsal.name,
            rehearsal.members.join(", ")
        ));
        timeline(rehearsal, &mut out);
        out.push('\n');
        faults(rehearsal, &mut out);
        shares(rehearsal, &mut out);
        out.push_str(&sentence(&rehearsal.record.logins));
        out.push('\n');
    }
    for check in &report.checks {
        let held = if check.held { "pass" } else { "FAIL" };
        out.push_str(&format!("{held}: {}: {}\n", check.name, check.words));
    }
    out.push_str(match (report.checks.is_empty(), report.passed()) {
        (true, _) => "verdict: none was asked for (--max-detect, --max-failed)\n",
        (false, true) => "verdict: pass\n",
        (false, false) => "verdict: fail\n",
    });
    out
}

fn timeline(rehearsal: &Rehearsal, out: &mut String) {
    let entries = &rehearsal.record.timeline;
    let shown: Vec<(u64, Words)> =
        entries.iter().take(LINES_MAX).map(|Entry { at, what }| (*at, words(rehearsal, *what))).collect();
    let width = shown.iter().map(|(_, words)| words.subject.chars().count()).max().unwrap_or_default();
    for (at, words) in &shown {
        out.push_str(&format!("{}  {:width$}  {}\n", clock(*at), words.subject, words.sentence));
    }
    let more = (entries.len() - shown.len()) as u64 + rehearsal.record.cut;
    if more > 0 {
        out.push_str(&format!("... and {more} more; --format json has them\n"));
    }
}

fn faults(rehearsal: &Rehearsal, out: &mut String) {
    if rehearsal.faults.is_empty() {
        return;
    }
    let measured = |millis: Option<u64>| match millis {
        Some(0) => "at once".to_owned(),
        Some(millis) => span(millis),
        None => "-".to_owned(),
    };
    let at_worst = |time: Option<Duration>| time.map_or("-".to_owned(), |time| time.to_string());
    let mut rows = vec![
        ["FAULT", "AT", "AVOIDED AFTER", "UNHEALTHY AFTER", "AT WORST", "BACK AFTER", "AT WORST"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(rehearsal.faults.iter().map(|fault| {
        vec![
            format!("{} {}", rehearsal.members[fault.member], fault.fault),
            Duration::from_millis(fault.from).to_string(),
            measured(fault.seen.noticed),
            measured(fault.seen.unhealthy),
            at_worst(fault.noticed_at_worst),
            measured(fault.seen.recovered),
            at_worst(fault.recovered_at_worst),
        ]
    }));
    table(&rows, out);
    if let Some(budget) = rehearsal.pre_flight {
        out.push_str(&format!("with pre-flight, a login notices at once and waits at most {budget}\n"));
    }
    out.push('\n');
}

fn shares(rehearsal: &Rehearsal, out: &mut String) {
    let logins = &rehearsal.record.logins;
    if logins.begun == 0 {
        return;
    }
    let mut rows = vec![["PROVIDER", "SIGNED IN", "SHARE", "SENT THERE"].map(str::to_owned).to_vec()];
    for (place, name) in rehearsal.members.iter().enumerate() {
        let sent = logins.selections[place].iter().map(|(why, times)| format!("{why} {times}"));
        let sent = sent.collect::<Vec<_>>().join(", ");
        rows.push(vec![
            name.clone(),
            logins.signed_in[place].to_string(),
            share(logins, place),
            if sent.is_empty() { "-".to_owned() } else { sent },
        ]);
    }
    table(&rows, out);
    out.push('\n');
}

/// In hundredths, with one decimal.
fn share(logins: &Logins, place: usize) -> String {
    let thousandths = (logins.signed_in[place] * 1_000 + logins.succeeded() / 2)
        .checked_div(logins.succeeded())
        .unwrap_or_default();
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn table(rows: &[Vec<String>], out: &mut String) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
}

/// What became of the logins.
fn sentence(logins: &Logins) -> String {
    if logins.begun == 0 {
        return "logins: nobody came; the timeline says whom a login would have been sent to\n".to_owned();
    }
    let mut out = format!(
        "logins: {} came, {} signed in, {} failed",
        logins.begun,
        logins.succeeded(),
        logins.failures()
    );
    let failed: Vec<String> =
        logins.failed.iter().map(|(failure, times)| format!("{} {times}", failure.code())).collect();
    if !failed.is_empty() {
        out.push_str(&format!(" ({})", failed.join(", ")));
    }
    out.push_str(&format!(", {} under way at the end\n", logins.under_way));
    out.push_str(&format!("  delayed: {}", logins.delayed()));
    if logins.delayed() > 0 {
        let [worst, p99] = [logins.worst_delay(), logins.p99_delay()].map(span);
        out.push_str(&format!("; {worst} longer than usual at worst, {p99} or less for 99 of 100"));
    }
    out.push('\n');
    for (count, words) in [
        (logins.retried, "saw an error page and signed in at the second try"),
        (logins.restarted, "had to sign in at a second provider: the first failed under way"),
        (logins.stranded, "stood on a page of the provider when it died, and came back later"),
    ] {
        if count > 0 {
            out.push_str(&format!("  {count} {words}\n"));
        }
    }
    out
}
