resource "aws_s3_bucket" "landing" {
  bucket = "quill-drop"
  tags = {
    Region = "eu-central-1" # where it stands
    Table  = "titles"
  }
}

resource "aws_db_instance" "main" {
  identifier        = "${var.prefix}-titles"
  allocated_storage = 40
  multi_az          = true
}
