/// The fields that every answer has: nothing of what is sent may be run, framed or guessed at by a browser.
enum SecurityFields {
    static let all = [
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "DENY"),
    ]
}
