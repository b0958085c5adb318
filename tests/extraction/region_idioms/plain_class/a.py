class Order:
    def __init__(self, number, customer, lines, placed_at):
        self.number = number
        self.customer = customer
        self.lines = lines
        self.placed_at = placed_at

    def __repr__(self):
        return f"Order({self.number!r}, {self.customer!r})"

    def __eq__(self, other):
        if not isinstance(other, Order):
            return NotImplemented
        return self.number == other.number

    def __hash__(self):
        return hash(self.number)

    def total(self):
        return sum(line.price * line.count for line in self.lines)
