//! Foreign text in GitHub's Markdown: nothing of it is markup, a mention, a link or an emoji. What could be, becomes a
//! character reference, which Markdown shows as the character and never reads as anything else.

use std::fmt::Write as _;

use crate::report::words;

/// Text of one line, between other words or in a cell of a table.
pub fn prose(text: &str) -> String {
    escaped(text.trim(), true)
}

/// As [`prose`], with what stands between two backticks as code.
pub fn with_code(text: &str) -> String {
    let mut out = String::new();
    let parts: Vec<&str> = text.trim().split('`').collect();
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        match index % 2 {
            0 => out.push_str(&escaped(part, true)),
            // one without its partner is a character like any other
            _ if index == last => out.push_str(&format!("&#96;{}", escaped(part, true))),
            _ => out.push_str(&code(part)),
        }
    }
    out
}

/// A name of one line, as code: nobody is mentioned there.
pub fn code(text: &str) -> String {
    match text.trim().is_empty() {
        true => String::new(),
        false => format!("<code>{}</code>", escaped(text.trim(), false)),
    }
}

/// Text of several lines as it is, in letters of one width.
pub fn block(text: &str) -> String {
    let mut out = String::from("<pre>");
    for c in words::block(text).trim_end().chars() {
        match c {
            c if "<>&@#`:|".contains(c) => reference(&mut out, c),
            c => out.push(c),
        }
    }
    out + "</pre>"
}

/// A link, if the address is one that is safe to follow.
pub fn link(name: &str, url: &str) -> Option<String> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&*+,;=%".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.chars().all(safe)).then(|| format!("[{}](<{url}>)", prose(name)))
}

fn escaped(text: &str, linked: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    let mut number = true;
    for c in words::line(text).chars() {
        let www = c == '.' && before.eq_ignore_ascii_case(&'w');
        // what makes a list where a text begins
        let list = linked
            && ((out.is_empty() && "-+=".contains(c)) || (number && !out.is_empty() && ".)".contains(c)));
        match c {
            // what mentions, addresses and numbers have is cut off from the rest: they are looked for after the
            // references have become characters again, and addresses even in code
            c if c == '@' || (c == '#' && linked) => {
                out.push_str("<span>");
                reference(&mut out, c);
                out.push_str("</span>");
            }
            c if !www && !list && (!c.is_ascii_punctuation() || " .,;/=+()-%'".contains(c)) => out.push(c),
            c => reference(&mut out, c),
        }
        number &= c.is_ascii_digit();
        before = c;
    }
    out
}

fn reference(out: &mut String, c: char) {
    // writing to a string cannot fail
    let _ = write!(out, "&#{};", u32::from(c));
}
