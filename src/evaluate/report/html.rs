//! Pieces of a page: text made safe, tables, pictures as data. Knows no result.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Text as it may stand in a page or an attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A PNG file's bytes as an address that needs no other file.
pub fn png_address(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// A section with its heading; nothing where its body is empty.
pub fn section(id: &str, heading: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<section id=\"{id}\">\n<h2>{}</h2>\n{body}</section>\n", escape(heading))
}

/// A paragraph.
pub fn paragraph(class: &str, text: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<p{class}>{}</p>\n", escape(text))
}

/// A table of cells that are HTML already; the first column is text, the others are numbers unless `class` says
/// otherwise.
pub fn table(class: &str, heads: &[String], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, row: &[String]| {
        let cell = |(k, cell): (usize, &String)| match (k, tag) {
            (0, "td") => format!("<th scope=\"row\">{cell}</th>"),
            (_, "th") => format!("<th scope=\"col\">{cell}</th>"),
            _ => format!("<td>{cell}</td>"),
        };
        format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>())
    };
    let body: String = rows.iter().map(|row| cells("td", row)).collect();
    format!(
        "<div class=\"wide\"><table class=\"{class}\">\n<thead>{}</thead>\n<tbody>\n{body}</tbody></table></div>\n",
        cells("th", heads)
    )
}

/// Terms and what they mean.
pub fn definitions(pairs: &[(String, String)]) -> String {
    let pair = |(term, meaning): &(String, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(term), escape(meaning));
    format!("<dl class=\"definitions\">\n{}</dl>\n", pairs.iter().map(pair).collect::<String>())
}

/// A hash, its first digits shown, all of them for whoever hovers or copies the page's source.
pub fn hash(sha256: &str) -> String {
    const SHOWN: usize = 12;
    let short: String = sha256.chars().take(SHOWN).collect();
    format!("<code title=\"{}\">{}</code>", escape(sha256), escape(&short))
}
