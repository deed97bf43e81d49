//! The little HTML our pages and the peers' have: forms with inputs, links.

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub method: String,
    pub fields: Vec<(String, String)>,
}

/// Forms of a page, in order.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find("<form") {
        let body = &rest[at..];
        let end = body.find("</form>").unwrap_or(body.len());
        let (form, after) = body.split_at(end);
        let tag = &form[..form.find('>').unwrap_or(form.len())];
        let mut fields = Vec::new();
        let mut inputs = form;
        while let Some(at) = inputs.find("<input") {
            let input = &inputs[at..];
            let end = input.find('>').unwrap_or(input.len());
            if let Some(name) = attribute(&input[..end], "name") {
                fields.push((name, attribute(&input[..end], "value").unwrap_or_default()));
            }
            inputs = &input[end..];
        }
        forms.push(Form {
            action: attribute(tag, "action").unwrap_or_default(),
            method: attribute(tag, "method").unwrap_or("get".into()).to_lowercase(),
            fields,
        });
        rest = after;
    }
    forms
}

/// Targets of links.
pub fn links(html: &str) -> Vec<String> {
    html.match_indices("<a ").filter_map(|(at, _)| attribute(html[at..].split('>').next()?, "href")).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &tag[at..];
    Some(unescape(&value[..value.find('"')?]))
}

fn unescape(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&#x2F;", "/"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
