"""A small encoder beside the vectors of a large one."""

import torch


def principal_components(vectors: torch.Tensor, width: int) -> torch.Tensor:
    """Reduce vectors to the directions in which they differ most.

    vectors (Tensor): Shape (number, their width).
    width (int): How many directions to keep, at most.
    RETURNS (Tensor): Shape (number, least of both widths), centred, the first column varying most.
    """
    centred = vectors - vectors.mean(0)
    # Of the small matrix of covariances, not of a row for each piece.
    values, directions = torch.linalg.eigh(centred.T @ centred)
    return centred @ directions[:, values.argsort(descending=True)[:width]]


class Imitation(torch.nn.Module):
    """The small encoder with the linear layer that makes its vectors comparable with the teacher's.

    student (Module): The small encoder, of Hugging Face's kind.
    mean (Tensor): Mean of the teacher's vectors. Shape: (teacher's width,).
    variance (Tensor): Their variance, the mean over its directions. Shape: ().
    """

    def __init__(self, student: torch.nn.Module, mean: torch.Tensor, variance: torch.Tensor) -> None:
        super().__init__()
        self.student = student
        self.projection = torch.nn.Linear(student.config.hidden_size, len(mean))
        self.register_buffer("mean", mean)
        self.register_buffer("variance", variance)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, vectors: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Compare.

        input_ids (Tensor): Shape (blocks, length).
        attention_mask (Tensor): The same shape, 0 on padding.
        vectors (Tensor): What the teacher says of all pieces but padding. Shape: (pieces, teacher's width).
        RETURNS (dict[str, Tensor]): "loss": the mean squared distance in units of the teacher's variance; 1
            is that of its mean. Shape: ().
        """
        said = self.student(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        guessed = self.projection(said[attention_mask.bool()])
        return {"loss": (guessed - (vectors - self.mean)).square().mean() / self.variance}
