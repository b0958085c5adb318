resource "aws_s3_bucket" "landing" {
  bucket = "northmill-landing"
  tags = {
    Region = "eu-west-1" # where it stands
    Table  = "orders"
  }
}

resource "aws_db_instance" "main" {
  identifier        = "${var.prefix}-orders"
  allocated_storage = 30
  multi_az          = true
}
