import Model

/// Why a label set is refused.
///
/// It holds numbers only: the text is made when somebody reads it.
enum LabelFault: Error, Hashable {
    /// The label at this place has no name.
    case emptyName
    /// Two labels have the name that the one at this place has.
    case duplicateName(Int)
    /// The name at this place is not UTF-8.
    case nameNotUTF8(Int)
    /// The value at this place is not UTF-8.
    case valueNotUTF8(Int)
    /// The name at this place is longer than names may be.
    case nameTooLong(Int)
    /// The value at this place is longer than values may be.
    case valueTooLong(Int)
    /// There are more labels than a series may have.
    case tooManyLabels(Int)
    /// There is no label `__name__`.
    case missingMetricName
    /// The label `__name__` has the empty value.
    case emptyMetricName

    /// The reason in words; `labels` are those that were refused.
    func reason(_ labels: LabelCollector) -> String {
        switch self {
        case .emptyName: "empty label name"
        case .duplicateName(let index): "duplicate label name \(labels.shownName(index))"
        case .nameNotUTF8(let index): "label name \(labels.shownName(index)) is not valid UTF-8"
        case .valueNotUTF8(let index): "value of label \(labels.shownName(index)) is not valid UTF-8"
        case .nameTooLong(let index):
            "label name of \(labels.fields[index].name.count) bytes is longer than the limit of "
                + "\(labels.limits.labelNameBytes) (label_name_bytes)"
        case .valueTooLong(let index):
            "value of label \(labels.shownName(index)) has \(labels.fields[index].value.count) bytes, "
                + "more than the limit of \(labels.limits.labelValueBytes) (label_value_bytes)"
        case .tooManyLabels(let count):
            "\(count) labels are more than the limit of \(labels.limits.labelsPerSeries) (labels_per_series)"
        case .missingMetricName: "no metric name: the label __name__ is missing"
        case .emptyMetricName: "the metric name is empty"
        }
    }
}
