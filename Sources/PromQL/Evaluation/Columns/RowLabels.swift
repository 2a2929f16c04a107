import Model

/// The labels of the series of a row, which are made when they are asked for.
enum RowLabels {
    /// These.
    case known(Labels)
    /// Those of a series that was selected.
    case selected(any SeriesReader, Int)

    /// The labels.
    var labels: Labels {
        switch self {
        case .known(let labels): labels
        case .selected(let reader, let index): reader.labels(at: index)
        }
    }
}
