//! Single characters.

/// Whether a character only separates tokens.
pub(super) fn separates(c: char) -> bool {
    c.is_whitespace() || c.is_control() && replaced(c).is_none()
}

/// The token of a character that no rule takes; none if the lexer has no place for it.
pub(super) fn token(c: char) -> Option<String> {
    match replaced(c) {
        Some(token) => Some(token.to_owned()),
        None => stands_alone(c).then(|| c.to_lowercase().collect()),
    }
}

/// What stands for a character within a longer token, if not itself.
pub(super) fn within(c: char) -> Option<&'static str> {
    match c {
        ' ' => Some("\u{a0}"),
        '(' | ')' => bracket(c),
        _ => None,
    }
}

/// A curly quotation mark in ASCII.
pub(super) fn plain_quote(c: char) -> &'static str {
    match c {
        '‘' => "`",
        '“' => "``",
        '”' => "''",
        _ => "'",
    }
}

fn bracket(c: char) -> Option<&'static str> {
    Some(match c {
        '(' => "-lrb-",
        ')' => "-rrb-",
        '[' => "-lsb-",
        ']' => "-rsb-",
        '{' => "-lcb-",
        '}' => "-rcb-",
        _ => return None,
    })
}

/// What a character alone becomes. Those below U+00A0 are Windows-1252 that was read as Latin-1.
fn replaced(c: char) -> Option<&'static str> {
    Some(match c {
        '"' | '\u{93}' | '\u{94}' | '“' | '”' | '«' | '»' => "''",
        '\u{91}' | '\u{92}' | '‘' | '’' | '‛' | '‹' | '›' => "'",
        '\u{96}' | '\u{97}' | '–' | '—' | '―' => "--",
        '…' => "...",
        '¢' => "cents",
        '£' => "#",
        '\u{80}' | '¤' | '₠' | '€' => "$",
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        '⅓' => "1/3",
        '⅔' => "2/3",
        _ => return bracket(c),
    })
}

/// Symbols that are tokens. All others, such as emoji, are dropped.
fn stands_alone(c: char) -> bool {
    c.is_ascii_punctuation()
        || c.is_alphanumeric() && c < '\u{10000}' && !c.is_numeric()
        || matches!(c,
            '¡' | '¥'..='©' | '¬' | '®'..='´' | '¶'..='¹' | '¿' | '×' | '÷' | '\u{37e}' | '\u{387}'
            | '\u{589}' | '\u{5be}' | '\u{5c0}' | '\u{5c3}' | '\u{5c6}' | '\u{5f3}'..='\u{603}'
            | '\u{606}'..='\u{60c}' | '\u{614}' | '\u{61b}' | '\u{61e}' | '\u{61f}' | '\u{66a}'
            | '\u{66d}' | '\u{6d4}' | '\u{700}'..='\u{70d}' | '\u{7f6}'..='\u{7f8}' | '।' | '॥'
            | '\u{e3f}' | '\u{e4f}' | '\u{1fbd}' | '‖' | '‗' | '‚' | '„'..='‣' | '‰'..='‸' | '※'
            | '‾'..='⁂' | '⁄' | '⁰' | '⁴'..='⁾' | '₀'..='₎' | '₤' | '℀' | '℁' | '℃'..='℆' | '℈' | '℉'
            | '℔' | '№'..='℘' | '℞'..='℣' | '℥' | '℧' | '℩' | '℮' | '℺' | '℻' | '⅀'..='⅄' | '⅊'..='⅍'
            | '⅏' | '⅕'..='⅞' | '←'..='\u{2bff}' | '、' | '。' | '〒' | '・' | '！'..='／' | '：'..='＠'
            | '［'..='｀' | '｛'..='･' | '￠' | '￡' | '￥' | '￦')
}
