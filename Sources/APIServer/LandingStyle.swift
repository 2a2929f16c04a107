/// The style sheet and the icon of the page at `/`; both are compiled in.
///
/// They have addresses of their own, so that the page works under a policy that allows no style in it.
enum LandingStyle {
    static let stylePath = "/style.css"
    static let iconPath = "/icon.svg"

    @Sendable static func showStyle(_ exchange: Exchange) async throws(APIError) -> Answer {
        asset(sheet, type: "text/css; charset=utf-8")
    }

    @Sendable static func showIcon(_ exchange: Exchange) async throws(APIError) -> Answer {
        asset(icon, type: "image/svg+xml")
    }

    /// The address of the style sheet; it changes with the sheet, so that browsers do not keep an old one.
    static let styleAddress: String = {
        let hash = sheet.utf8.reduce(0) { (hash: UInt32, byte) in hash &* 31 &+ UInt32(byte) }
        return "\(stylePath)?v=\(String(hash, radix: 36))"
    }()

    private static func asset(_ text: String, type: String) -> Answer {
        Answer(
            contentType: type,
            headers: [("Cache-Control", "public, max-age=3600")],
            body: .bytes(Array(text.utf8))
        )
    }

    /// A sextant's frame: an arc of sixty degrees with its index arm.
    private static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
        <rect width="32" height="32" rx="7" fill="#0f5f6b"/>
        <g fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round">
        <path d="M16 6 L6.5 22.5 Q16 28.5 25.5 22.5 Z"/><path d="M16 6 L19.5 25"/>
        </g></svg>

        """

    private static let sheet = """
        :root {
          color-scheme: light dark;
          --ground: #f6f7f7; --paper: #ffffff; --ink: #17211f; --soft: #5d6b69; --rule: #e2e7e6;
          --accent: #0f6b78; --fill: #0f6b7817; --good: #1c7c4a; --warn: #9a5b00; --bad: #b3261e;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #101516; --paper: #171e1f; --ink: #e6eceb; --soft: #95a4a2; --rule: #283233;
            --accent: #5cc3d0; --fill: #5cc3d01c; --good: #62c78f; --warn: #e2a74a; --bad: #f08a80;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.5rem 3rem; background: var(--ground);
          color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
          font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
        }
        a { color: var(--accent); text-decoration: none; }
        a:hover { text-decoration: underline; text-underline-offset: .2em; }
        a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
        code { font: .875em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
        header { display: flex; align-items: center; gap: .75rem; flex-wrap: wrap; margin-bottom: 1.75rem; }
        header img { display: block; width: 2.25rem; height: 2.25rem; }
        h1 { margin: 0; font-size: 1.5rem; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; }
        h1 small { margin-left: .3em; font-size: 1rem; font-weight: 400; color: var(--soft); }
        .state { margin-left: auto; color: var(--soft); }
        .state b { font-weight: 600; }
        .state b::before {
          content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .45em;
          border-radius: 50%; background: currentColor;
        }
        .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
        .soft { color: var(--soft); }
        h2 {
          display: flex; justify-content: space-between; align-items: baseline; gap: 1rem;
          margin: 2.5rem 0 .75rem; font-size: 1rem; line-height: 1.5; font-weight: 650;
        }
        h2 small { font-weight: 400; font-size: .875rem; color: var(--soft); }
        .panel { background: var(--paper); border: 1px solid var(--rule); border-radius: .6rem; }
        .note { padding: 1.1rem 1.25rem; margin: 0; }
        .note p { margin: 0; max-width: 44rem; } .note p + p { margin-top: .5rem; }
        .figures {
          display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; margin: 0; overflow: hidden;
          background: var(--rule);
        }
        .figures div { background: var(--paper); padding: .9rem 1.25rem 1rem; min-width: 0; }
        .figures dt { font-size: .8125rem; color: var(--soft); }
        .figures dd { margin: .1rem 0 0; font-size: 1.375rem; line-height: 1.3; white-space: nowrap; }
        .figures dd small { display: block; font-size: .8125rem; color: var(--soft); white-space: normal; }
        .rows { list-style: none; margin: 0; padding: 0; }
        .row {
          display: grid; grid-template-columns: minmax(0, 1fr) 14rem 8.5rem 4.5rem; align-items: center;
          column-gap: 1.25rem; padding: .3rem 1.25rem; min-height: 3rem; border-top: 1px solid var(--rule);
        }
        .row:first-child { border-top: 0; }
        .row.more { border-top-style: none; }
        .name { min-width: 0; overflow-wrap: anywhere; line-height: 1.35; }
        .name a { color: inherit; }
        .labels { font-size: .8125rem; color: var(--soft); }
        .labels bdi + bdi::before { content: " · "; }
        .value { text-align: right; white-space: nowrap; font-size: 1.0625rem; font-weight: 550; }
        .unit {
          display: inline-block; width: 1.35em; padding-left: .25em; text-align: left; font-weight: 400;
          color: var(--soft);
        }
        .age { text-align: right; font-size: .8125rem; color: var(--soft); white-space: nowrap; }
        .spark { display: block; width: 100%; height: 2.25rem; overflow: visible; }
        .spark path { fill: none; stroke: var(--accent); stroke-linecap: round; stroke-linejoin: round; }
        .spark .area { fill: var(--fill); stroke: none; }
        .spark .line { stroke-width: 1.5; }
        .spark .dot { stroke-width: 5; }
        .rest { padding: .7rem 1.25rem; border-top: 1px solid var(--rule); margin: 0; color: var(--soft); }
        .scroll { overflow-x: auto; }
        table { width: 100%; border-collapse: collapse; }
        th, td { padding: .55rem 1.25rem; text-align: left; vertical-align: baseline; }
        th { font-size: .8125rem; font-weight: 400; color: var(--soft); white-space: nowrap; }
        td { border-top: 1px solid var(--rule); overflow-wrap: anywhere; }
        td.n, th.n { text-align: right; white-space: nowrap; }
        .links {
          display: grid; grid-template-columns: repeat(2, 1fr); gap: .35rem 2.5rem; margin: 0;
          padding: 1.1rem 1.25rem; list-style: none;
        }
        .links span { color: var(--soft); }
        footer { margin-top: 2.5rem; font-size: .8125rem; color: var(--soft); }
        @media (max-width: 44rem) {
          body { padding: 1.5rem 1rem 2rem; }
          .state { margin-left: 0; width: 100%; }
          .figures { grid-template-columns: repeat(2, 1fr); }
          .figures div { padding: .75rem 1rem .8rem; }
          .figures dd { font-size: 1.1875rem; }
          .row {
            grid-template-columns: minmax(0, 1fr) auto; padding: .6rem 1rem; row-gap: .35rem;
          }
          .row.more { border-top-style: dashed; }
          .row .value { grid-column: 2; grid-row: 1; align-self: baseline; }
          .row .name { align-self: baseline; }
          .row .age { grid-column: 2; grid-row: 2; }
          .row .course { grid-column: 1; grid-row: 2; }
          .row .spark { height: 1.75rem; }
          .links { grid-template-columns: 1fr; padding: 1rem; }
          th, td { padding: .55rem 1rem; }
          .wide { display: none; }
        }

        """
}
