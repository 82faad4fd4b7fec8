/// How the report looks: two sets of colours, of which the reader's settings choose. Text has at least 4.5 times the
/// brightness of its ground, or the other way round; damage is hatched, so that it does not depend on colour.
enum ReportStyle {
    static let sheet = """
        :root { color-scheme: light dark; --ground: #ffffff; --raised: #f4f5f7; --text: #1b1f24; --quiet: #57606a;
          --line: #d0d7de; --bar: #2f6fb7; --rest: #8b949e; --turn: #8a4b08; --segment: #7fa7d4; --damage: #c62828;
          --hatch: #ffffff; --good: #1a6b33; --note: #7a5200; }
        @media (prefers-color-scheme: dark) { :root { --ground: #14171c; --raised: #1e232a; --text: #e6e9ed;
          --quiet: #a3adb8; --line: #39424d; --bar: #6ea8e6; --rest: #6d7681; --turn: #f0a860; --segment: #41658c;
          --damage: #ff6b6b; --hatch: #14171c; --good: #6fd08c; --note: #e5b94e; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 56rem; padding: 1.5rem; background: var(--ground); color: var(--text);
          font: 16px/1.5 system-ui, sans-serif; }
        h1 { margin: 0; font-size: 1.7rem; overflow-wrap: anywhere; }
        h2 { margin: 2.5rem 0 .25rem; font-size: 1.2rem; }
        header p, footer p, section > p { color: var(--quiet); margin: .25rem 0 1rem; overflow-wrap: anywhere; }
        a { color: var(--bar); }
        .verdict { padding: .75rem 1rem; border-left: .4rem solid; background: var(--raised); }
        .good { border-color: var(--good); } .note { border-color: var(--note); } .bad { border-color: var(--damage); }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem;
          margin: 1rem 0; }
        .cards div { background: var(--raised); padding: .6rem .8rem; border-radius: .4rem; }
        dt { color: var(--quiet); font-size: .85rem; }
        dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
        section { overflow-x: auto; }
        svg { width: 100%; min-width: 44rem; height: auto; font-size: 13px; fill: var(--text); overflow: visible; }
        .value { fill: var(--quiet); } .bar { fill: var(--bar); } .rest { fill: var(--rest); }
        .turn { fill: var(--turn); stroke: var(--ground); }
        .segment { fill: var(--segment); } .damage { fill: var(--damage); }
        .hatch { stroke: var(--hatch); stroke-width: 3; }
        .lost { fill: url(#hatch); stroke: var(--damage); } .axis { stroke: var(--line); }
        .wide, details { overflow-x: auto; } details { margin-top: .5rem; }
        summary { cursor: pointer; color: var(--quiet); }
        table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: var(--quiet); padding: .25rem 0; }
        th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line);
          vertical-align: top; overflow-wrap: break-word; min-width: 5rem; max-width: 20rem; font-weight: normal; }
        thead th { color: var(--quiet); }
        footer { margin-top: 3rem; border-top: 1px solid var(--line); font-size: .85rem; }
        @media print { body { max-width: none; } }
        """
}
