import Model

/// An expression of a view over columns: `data['A'] * 100 / data['B']`.
struct ImportedFormula {
    private let formula: Formula

    /// The formula that `text` is; `metric` answers for the title of a column what metric it is.
    ///
    /// - Throws: `DataPackageError` if the text is none, or what `metric` throws.
    init(_ text: String, metric: (String) throws -> String) throws {
        var plain = ""
        var rest = Substring(text)
        while let start = rest.range(of: "data[") {
            plain += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let quote = rest.first, quote == "'" || quote == "\"",
                let end = rest.dropFirst().firstIndex(of: quote),
                rest[rest.index(after: end)...].hasPrefix("]")
            else {
                throw DataPackageError(
                    description: "the expression \(text) has data[ without a quoted column"
                )
            }
            let title = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(end, offsetBy: 2)...]
            plain += try metric(title)
        }
        plain += rest
        do throws(FormulaError) {
            formula = try FormulaReader.parse(plain)
        } catch {
            throw DataPackageError(description: "the expression \(text) is wrong: \(error.message)")
        }
    }

    /// The KPI; one part in percent of another is a ratio, everything else is derived.
    func yaml(_ name: String, _ title: String, _ period: String) -> String {
        let common = "period: \(period), display_name: \(LabelText.quoted(title))"
        guard let (part, whole) = percentage else {
            return "{name: \(name), type: derived, expr: \(LabelText.quoted(formula.description)), \(common)}"
        }
        return
            "{name: \(name), type: ratio, numerator: \(part), denominator: \(whole), unit: percentage, \(common)}"
    }

    private var percentage: (part: String, whole: String)? {
        switch formula {
        case .binary(
            .divide,
            .binary(.multiply, .name(let part, 0), .number(100)),
            .name(let whole, 0)
        ): (part, whole)
        case .binary(
            .divide,
            .binary(.multiply, .number(100), .name(let part, 0)),
            .name(let whole, 0)
        ): (part, whole)
        case .binary(
            .multiply,
            .binary(.divide, .name(let part, 0), .name(let whole, 0)),
            .number(100)
        ): (part, whole)
        case .binary(
            .multiply,
            .number(100),
            .binary(.divide, .name(let part, 0), .name(let whole, 0))
        ): (part, whole)
        default: nil
        }
    }
}
