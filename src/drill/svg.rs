//! A drill as a picture: members as rows, their states as bars, faults above them, and a line through the rows
//! for who served. Patterns and words say what colours say; colours follow the reader's light or dark surroundings.

use super::record::{Entry, State, What};
use super::words::{clock, span, words};
use super::{Rehearsal, Report};
use crate::value::Duration;

/// Width of the picture, in pixels.
const WIDTH: u64 = 1_000;
/// Where the bars begin and how wide they are together, in pixels.
const LEFT: u64 = 170;
const PLOT: u64 = WIDTH - LEFT - 24;
/// Heights, in pixels.
const HEAD: u64 = 64;
const ROW: u64 = 58;
const BAR: u64 = 30;
const AXIS: u64 = 36;
const LEGEND: u64 = 40;
/// Most stretches of one row that are drawn one by one; above, each pixel shows the worst of its time.
const STRETCHES_MAX: usize = 400;
/// Most moves of those who serve that are marked one by one.
const MOVES_MAX: u64 = 120;
/// About how wide a letter of the small font is, in tenths of a pixel.
const LETTER_TENTHS: u64 = 66;
/// Most marks on the time axis.
const MARKS_MAX: u64 = 10;
/// Distances between marks, in seconds.
const MARKS_SECS: &[u64] = &[
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
    604_800, 2_592_000,
];

/// The whole picture.
pub fn report(report: &Report) -> String {
    let heights: Vec<u64> = report.rehearsals.iter().map(height).collect();
    let whole: u64 = heights.iter().sum::<u64>() + LEGEND;
    let title = match &report.name {
        Some(name) => format!("Drill: {name}"),
        None => "Drill".to_owned(),
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{whole}\" viewBox=\"0 0 {WIDTH} {whole}\" \
         role=\"img\" aria-labelledby=\"title summary\">\n<title id=\"title\">{}</title>\n<desc id=\"summary\">{}</desc>\n{STYLE}\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{whole}\"/>\n",
        escape(&title),
        escape(&summary(report)),
    );
    let mut top = 0;
    for (rehearsal, height) in report.rehearsals.iter().zip(heights) {
        panel(report, rehearsal, top, &mut out);
        top += height;
    }
    legend(top, &mut out);
    out.push_str("</svg>\n");
    out
}

fn height(rehearsal: &Rehearsal) -> u64 {
    HEAD + ROW * rehearsal.members.len() as u64 + AXIS
}

/// The picture in words, for those who cannot see it.
fn summary(report: &Report) -> String {
    let mut out = String::new();
    for rehearsal in &report.rehearsals {
        let Rehearsal { name, members, record, .. } = rehearsal;
        out.push_str(&format!("Continuity connector {name} with members {}. ", members.join(", ")));
        for fault in &rehearsal.faults {
            let (member, at) = (&members[fault.member], Duration::from_millis(fault.from));
            let avoided = match fault.seen.noticed {
                Some(millis) => format!("avoided after {}", span(millis)),
                None => "not noticed".to_owned(),
            };
            out.push_str(&format!("{member}: {} at {at}, {avoided}. ", fault.fault));
        }
        let logins = &record.logins;
        out.push_str(&format!(
            "{} of {} signed in, {} failed. ",
            logins.succeeded(),
            logins.begun,
            logins.failures()
        ));
    }
    out.trim_end().to_owned()
}

/// Where things are in one panel.
struct Scale {
    duration: u64,
    top: u64,
}

impl Scale {
    /// Pixels of a moment, in tenths.
    fn tenths(&self, at: u64) -> u64 {
        let along = u128::from(at.min(self.duration)) * u128::from(PLOT * 10) / u128::from(self.duration);
        LEFT * 10 + u64::try_from(along).unwrap_or_default()
    }

    fn x(&self, at: u64) -> String {
        pixels(self.tenths(at))
    }

    fn row(&self, place: usize) -> u64 {
        self.top + HEAD + ROW * place as u64
    }

    /// Upper edge of a bar.
    fn bar(&self, place: usize) -> u64 {
        self.row(place) + ROW - BAR - 6
    }

    /// Height of the line of those who serve.
    fn line(&self, place: usize) -> u64 {
        self.bar(place) + BAR - 8
    }
}

fn pixels(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn panel(report: &Report, rehearsal: &Rehearsal, top: u64, out: &mut String) {
    let scale = Scale { duration: report.duration.as_millis(), top };
    let logins = &rehearsal.record.logins;
    let name = match &report.name {
        Some(title) => format!("{} - {title}", rehearsal.name),
        None => rehearsal.name.clone(),
    };
    text(24, top + 28, "head", &name, out);
    let mut facts = format!("{}, seed {}", report.duration, report.seed);
    if logins.begun > 0 {
        facts.push_str(&format!(
            ", logins {}: {} of {} signed in, {} failed, {} delayed, {} stood on a dead page",
            report.logins,
            logins.succeeded(),
            logins.begun,
            logins.failures(),
            logins.delayed(),
            logins.stranded
        ));
    }
    text(24, top + 48, "quiet", &facts, out);
    axis(&scale, rehearsal.members.len(), out);
    for (place, member) in rehearsal.members.iter().enumerate() {
        let middle = scale.bar(place) + BAR / 2 + 4;
        let shown = shorten(member, (LEFT - 36) * 10 / LETTER_TENTHS);
        out.push_str(&format!(
            "<text class=\"name\" x=\"24\" y=\"{middle}\"><title>{}</title>{}</text>\n",
            escape(member),
            escape(&shown)
        ));
        for (from, until, state) in stretches(&scale, &rehearsal.record.stretches[place]) {
            bar(&scale, place, (from, until, state), out);
        }
    }
    faults(&scale, rehearsal, out);
    served(&scale, rehearsal, out);
}

/// Stretches in tenths of pixels.
fn stretches(scale: &Scale, changes: &[(u64, State)]) -> Vec<(u64, u64, State)> {
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([scale.duration]);
    let exact = changes.iter().zip(ends).map(|((from, state), until)| (*from, until, *state));
    if changes.len() <= STRETCHES_MAX {
        return exact.map(|(from, until, state)| (scale.tenths(from), scale.tenths(until), state)).collect();
    }
    let mut worst = vec![State::Healthy; PLOT as usize];
    for (from, until, state) in exact {
        let column = |at| (scale.tenths(at) / 10 - LEFT).min(PLOT - 1) as usize;
        for column in &mut worst[column(from)..=column(until)] {
            if severity(state) > severity(*column) {
                *column = state;
            }
        }
    }
    let mut merged: Vec<(u64, u64, State)> = Vec::new();
    for (column, state) in worst.into_iter().enumerate() {
        let from = (LEFT + column as u64) * 10;
        match merged.last_mut() {
            Some((_, until, last)) if *last == state => *until = from + 10,
            _ => merged.push((from, from + 10, state)),
        }
    }
    merged
}

fn severity(state: State) -> u8 {
    match state {
        State::Healthy => 0,
        State::Unknown => 1,
        State::Suspect => 2,
        State::Unhealthy => 3,
    }
}

fn bar(scale: &Scale, place: usize, (from, until, state): (u64, u64, State), out: &mut String) {
    let y = scale.bar(place);
    let word = state.word();
    // What lasted is seen, however short it was.
    let width = (until - from).max(5);
    out.push_str(&format!(
        "<rect class=\"bar\" fill=\"url(#{word})\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{BAR}\"><title>{word}</title></rect>\n",
        pixels(from),
        pixels(width)
    ));
    if word.len() as u64 * LETTER_TENTHS + 120 < width {
        out.push_str(&format!(
            "<text class=\"state\" x=\"{}\" y=\"{}\">{word}</text>\n",
            pixels(from + 60),
            y + 14
        ));
    }
}

fn faults(scale: &Scale, rehearsal: &Rehearsal, out: &mut String) {
    for fault in &rehearsal.faults {
        let y = scale.bar(fault.member) - 5;
        let (from, until) = (scale.tenths(fault.from), scale.tenths(fault.from + fault.lasted));
        let words = fault.fault.to_string();
        let at = Duration::from_millis(fault.from);
        out.push_str(&format!(
            "<path class=\"fault\" d=\"M{x} {b}V{y}H{end}{close}\"><title>{words} from {at}</title></path>\n",
            x = pixels(from),
            b = y + 4,
            end = pixels(until.max(from + 20)),
            close = if fault.until.is_some() { "v4" } else { "" },
        ));
        // Words near the right edge end where the fault does.
        let wide = words.chars().count() as u64 * LETTER_TENTHS;
        let x = from.min((LEFT + PLOT) * 10 - wide.min(PLOT * 10));
        out.push_str(&format!("<text class=\"cause\" x=\"{}\" y=\"{}\">{words}</text>\n", pixels(x), y - 4));
    }
}

/// Who served: a line through the rows, with a mark where it moves. It is broken where nobody served.
fn served(scale: &Scale, rehearsal: &Rehearsal, out: &mut String) {
    let moves: Vec<Move> = rehearsal.record.timeline.iter().filter_map(Move::of).collect();
    let start = format!("M{} {}", scale.x(0), scale.line(0));
    if rehearsal.record.switches > MOVES_MAX {
        let path = crowded(scale, &moves, start);
        out.push_str(&format!("<path class=\"served thin\" d=\"{path}\"/>\n"));
        return;
    }
    let (mut path, mut marks, mut broken) = (start, String::new(), false);
    for Move { entry, to } in moves {
        let x = scale.x(entry.at);
        let said = format!("{} {}", clock(entry.at), escape(&words(rehearsal, entry.what).sentence));
        let Some(to) = to else {
            path.push_str(&format!("H{x}"));
            broken = true;
            marks.push_str(&format!(
                "<text class=\"nobody\" x=\"{x}\" y=\"{}\"><title>{said}</title>&#215;</text>\n",
                scale.row(0) + 12
            ));
            continue;
        };
        let y = scale.line(to);
        path.push_str(&if broken { format!("M{x} {y}") } else { format!("H{x}V{y}") });
        broken = false;
        if matches!(entry.what, What::Serves { .. }) {
            marks.push_str(&format!(
                "<circle class=\"move\" cx=\"{x}\" cy=\"{y}\" r=\"4\"><title>{said}</title></circle>\n"
            ));
        }
    }
    if !broken {
        path.push_str(&format!("H{}", scale.x(scale.duration)));
    }
    out.push_str(&format!(
        "<path class=\"halo\" d=\"{path}\"/>\n<path class=\"served\" d=\"{path}\"/>\n{marks}"
    ));
}

/// Who serves from a moment on; nobody without a member.
#[derive(Debug, Clone, Copy)]
struct Move<'e> {
    entry: &'e Entry,
    to: Option<usize>,
}

impl<'e> Move<'e> {
    fn of(entry: &'e Entry) -> Option<Self> {
        let to = match entry.what {
            What::Serves { to, .. } | What::ServesAgain(to, _) => Some(to),
            What::Exhausted => None,
            _ => return None,
        };
        Some(Move { entry, to })
    }
}

/// One stroke for each pixel, over all members that served in its time, which ends at the last of them.
fn crowded(scale: &Scale, moves: &[Move<'_>], mut path: String) -> String {
    let mut last = Some(0);
    for of_a_pixel in moves.chunk_by(|a, b| scale.tenths(a.entry.at) / 10 == scale.tenths(b.entry.at) / 10) {
        let rows: Vec<usize> = of_a_pixel.iter().filter_map(|one| one.to).chain(last).collect();
        if let (Some(top), Some(bottom)) = (rows.iter().min(), rows.iter().max()) {
            let to = if last.is_some() { "H" } else { "M" };
            let x = scale.x(of_a_pixel[0].entry.at);
            let start = if last.is_some() { String::new() } else { format!(" {}", scale.line(*top)) };
            path.push_str(&format!("{to}{x}{start}V{}V{}", scale.line(*top), scale.line(*bottom)));
        }
        last = of_a_pixel.last().and_then(|one| one.to);
        if let Some(last) = last {
            path.push_str(&format!("V{}", scale.line(last)));
        }
    }
    if last.is_some() {
        path.push_str(&format!("H{}", scale.x(scale.duration)));
    }
    path
}

fn axis(scale: &Scale, rows: usize, out: &mut String) {
    let bottom = scale.row(rows);
    let seconds = scale.duration.div_ceil(1_000);
    let step = MARKS_SECS.iter().copied().find(|step| seconds / step <= MARKS_MAX);
    let step = step.unwrap_or(seconds.div_ceil(MARKS_MAX)).max(1);
    let mut at = 0;
    while at * 1_000 <= scale.duration {
        let x = scale.x(at * 1_000);
        out.push_str(&format!("<path class=\"mark\" d=\"M{x} {}V{bottom}\"/>\n", scale.row(0) + 6));
        out.push_str(&format!(
            "<text class=\"time\" x=\"{x}\" y=\"{}\">{}</text>\n",
            bottom + 16,
            Duration::from_secs(at)
        ));
        at += step;
    }
}

fn legend(top: u64, out: &mut String) {
    let y = top + 8;
    let mut x = 24;
    for state in [State::Healthy, State::Suspect, State::Unhealthy, State::Unknown] {
        let word = state.word();
        out.push_str(&format!(
            "<rect class=\"bar\" fill=\"url(#{word})\" x=\"{x}\" y=\"{y}\" width=\"26\" height=\"14\"/>\n"
        ));
        text(x + 32, y + 11, "key", word, out);
        x += 32 + (word.len() as u64 * LETTER_TENTHS) / 10 + 22;
    }
    out.push_str(&format!("<path class=\"fault\" d=\"M{x} {}v-4h26v4\"/>\n", y + 10));
    text(x + 32, y + 11, "key", "fault", out);
    x += 92;
    let middle = y + 7;
    out.push_str(&format!("<path class=\"served\" d=\"M{x} {middle}h26\"/>\n"));
    out.push_str(&format!("<circle class=\"move\" cx=\"{}\" cy=\"{middle}\" r=\"4\"/>\n", x + 13));
    text(x + 32, y + 11, "key", "who served logins", out);
    x += 172;
    out.push_str(&format!("<text class=\"nobody\" x=\"{}\" y=\"{}\">&#215;</text>\n", x + 6, y + 12));
    text(x + 16, y + 11, "key", "nobody was available", out);
}

fn text(x: u64, y: u64, class: &str, words: &str, out: &mut String) {
    out.push_str(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>\n", escape(words)));
}

fn shorten(text: &str, letters: u64) -> String {
    let letters = letters as usize;
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['\u{2026}']).collect()
}

/// Text as XML has it. What XML cannot have becomes a replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "<style>
:root { --ground: #ffffff; --ink: #1b1f24; --quiet: #57606a; --mark: #d8dee4; --edge: #8c959f;
  --healthy: #c3ead1; --suspect: #fff0c2; --suspect-mark: #b98500; --unhealthy: #ffd1cc;
  --unhealthy-mark: #c93c37; --unknown: #eef0f2; --unknown-mark: #8c959f; --fault: #6e40c9; --served: #0a4fb3; }
@media (prefers-color-scheme: dark) {
:root { --ground: #0d1117; --ink: #e6edf3; --quiet: #9da7b1; --mark: #262c34; --edge: #6e7681;
  --healthy: #17412e; --suspect: #453300; --suspect-mark: #c69026; --unhealthy: #561414;
  --unhealthy-mark: #e5534b; --unknown: #21262d; --unknown-mark: #6e7681; --fault: #c297ff; --served: #79c0ff; } }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.ground { fill: var(--ground); }
.head { font-size: 17px; font-weight: 600; }
.name { font-size: 13px; font-weight: 600; }
.quiet, .time, .key { fill: var(--quiet); }
.time { text-anchor: middle; font-size: 11px; }
.state { font-size: 11px; paint-order: stroke; stroke: var(--ground); stroke-width: 3px; stroke-opacity: .6; }
.cause { font-size: 11px; font-weight: 600; fill: var(--fault); }
.bar { stroke: var(--edge); stroke-width: .6; }
.mark { stroke: var(--mark); fill: none; }
.fault { stroke: var(--fault); stroke-width: 2.5; fill: none; }
.halo { stroke: var(--ground); stroke-width: 6; fill: none; stroke-linejoin: round; }
.served { stroke: var(--served); stroke-width: 2.5; fill: none; stroke-linejoin: round; }
.thin { stroke-width: .7; stroke-opacity: .8; }
.move { fill: var(--ground); stroke: var(--served); stroke-width: 2.5; }
.nobody { fill: var(--unhealthy-mark); font-size: 18px; font-weight: 700; text-anchor: middle; }
</style>
<defs>
<pattern id=\"healthy\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect width=\"8\" height=\"8\" style=\"fill:var(--healthy)\"/></pattern>
<pattern id=\"suspect\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect width=\"8\" height=\"8\" style=\"fill:var(--suspect)\"/><path d=\"M-2 10L10 -2M-2 2L2 -2M6 10L10 6\" style=\"stroke:var(--suspect-mark);stroke-width:1.4\"/></pattern>
<pattern id=\"unhealthy\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect width=\"8\" height=\"8\" style=\"fill:var(--unhealthy)\"/><path d=\"M0 0L8 8M8 0L0 8\" style=\"stroke:var(--unhealthy-mark);stroke-width:1\"/></pattern>
<pattern id=\"unknown\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect width=\"8\" height=\"8\" style=\"fill:var(--unknown)\"/><circle cx=\"4\" cy=\"4\" r=\"1.2\" style=\"fill:var(--unknown-mark)\"/></pattern>
</defs>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("a<b>&\"c'\u{7}\n"), "a&lt;b&gt;&amp;&quot;c&#39;\u{fffd} ");
        assert_eq!(shorten("abcdef", 4), "abc\u{2026}");
        assert_eq!(shorten("abcd", 4), "abcd");
    }

    #[test]
    fn many_moves_end_where_the_last_one_does() {
        let scale = Scale { duration: 1_000_000, top: 0 };
        let why = crate::continuity::Why::Failover;
        let entry = |at, to| Entry { at, what: What::Serves { from: 1 - to, to, why } };
        let entries = [entry(500_000, 1), entry(500_001, 0), entry(500_002, 1), entry(900_000, 0)];
        let moves: Vec<Move<'_>> = entries.iter().filter_map(Move::of).collect();
        let (first, second) = (scale.line(0), scale.line(1));
        let [half, late, end] = [500_000, 900_000, 1_000_000].map(|at| scale.x(at));
        assert_eq!(
            crowded(&scale, &moves, String::new()),
            format!("H{half}V{first}V{second}V{second}H{late}V{first}V{second}V{first}H{end}")
        );
    }

    #[test]
    fn many_stretches_become_as_many_as_there_are_pixels() {
        let scale = Scale { duration: 1_000_000, top: 0 };
        let flapping = |n: u64| if n.is_multiple_of(2) { State::Healthy } else { State::Unhealthy };
        let changes: Vec<(u64, State)> = (0..1_000).map(|n| (n * 500, flapping(n))).collect();
        let drawn = stretches(&scale, &changes);
        // Down in every pixel of the first half; its last stretch, which is down, lasts to the end.
        assert_eq!(drawn, [(LEFT * 10, (LEFT + PLOT) * 10, State::Unhealthy)]);
        let drawn = stretches(&scale, &changes[..3]);
        assert_eq!(drawn.len(), 3);
        assert_eq!((drawn[0].0, drawn[2].1), (LEFT * 10, (LEFT + PLOT) * 10));
    }
}
